// The Lessons tab: opens lessons, keeps the open one in the address, and shows how far one is.
import { tabOf } from "./address.js";
import { find, write } from "./dom.js";
import { mountLesson } from "./lesson.js";
import { showLesson } from "./lesson_address.js";
import { clearProgress, isDone, isKept, readProgress } from "./lesson_progress.js";

const KEPT = "kept in this browser only.";
const UNKEPT =
  "but this browser keeps no more of it (it has no room, or does not allow it): save your report before you close the page.";

/** @param {HTMLElement} element @param {{ plotly: string }} props */
export function connectLessons(element, props) {
  const root = find(element, ".fm-lessons");
  const entries = /** @type {HTMLDetailsElement[]} */ ([...root.querySelectorAll(".fm-lesson")]);
  hideParts(root);
  for (const entry of entries) {
    entry.addEventListener("toggle", () => toggled(entry, props));
    if (entry.open) toggled(entry, props); // it was opened while this script was on its way
  }
  root.addEventListener("click", ({ target }) => {
    const action = target instanceof Element ? target.closest("[data-lessons]")?.getAttribute("data-lessons") : "";
    if (action === "clear") startOver(entries);
    if (action === "report") import("./lesson_report.js").then(({ saveReport }) => saveReport(titlesOf(entries)));
  });
  window.addEventListener("fm-progress", () => showProgress(root, entries));
  window.addEventListener("popstate", () => openAsAddressed(entries));
  showProgress(root, entries);
  openAsAddressed(entries);
}

/** Parts that a teacher's address hides. @param {HTMLElement} root */
function hideParts(root) {
  const hidden = new URLSearchParams(location.search).get("hide")?.split(",") ?? [];
  for (const part of hidden) if (/^[a-z]+$/.test(part)) root.classList.add(`fm-hide-${part}`);
}

/** Whether the address names this lesson. @param {HTMLDetailsElement} entry */
const isAddressed = ({ dataset: { lesson } }) =>
  tabOf(location.search) === "lessons" && new URLSearchParams(location.search).get("lesson") === lesson;

/** @param {HTMLDetailsElement[]} entries */
function openAsAddressed(entries) {
  const entry = entries.find(isAddressed);
  if (!entry) return;
  if (!entry.dataset.mounted) entry.dataset.query = location.search;
  entry.dataset.sought = "yes";
  entry.open = true;
  requestAnimationFrame(() => entry.scrollIntoView({ block: "start" }));
}

/** @param {HTMLDetailsElement} entry @param {{ plotly: string }} props */
function toggled(entry, props) {
  if (!entry.open) return;
  if (!entry.dataset.query && !isAddressed(entry)) showLesson(entry.dataset.lesson ?? "", {}, true);
  if (entry.dataset.mounted) return;
  entry.dataset.mounted = "yes";
  mountLesson(entry, props)
    .then(() => reach(entry))
    .catch(() => {
      delete entry.dataset.mounted;
      find(entry, ".fm-lesson-body").textContent = "The lesson could not be loaded. Close it and open it again.";
    });
}

/** A lesson that was led to is at the top, also once it is longer. @param {HTMLDetailsElement} entry */
function reach(entry) {
  if (entry.dataset.sought === "yes") entry.scrollIntoView({ block: "start" });
  if (entry.dataset.sought) entry.dataset.sought = "reached";
}

/** @param {HTMLDetailsElement[]} entries */
function startOver(entries) {
  if (!confirm("Clear your predictions and runs in all lessons? They are kept in this browser only.")) return;
  clearProgress();
  for (const entry of entries) {
    entry.open = false;
    delete entry.dataset.mounted;
    delete entry.dataset.query;
    const body = find(entry, ".fm-lesson-body");
    body.className = "fm-lesson-body"; // without what it was marked with
    body.replaceChildren();
  }
}

/** @param {HTMLElement} root @param {HTMLDetailsElement[]} entries */
function showProgress(root, entries) {
  const progress = readProgress();
  let done = 0;
  for (const entry of entries) {
    const own = progress[entry.dataset.lesson ?? ""] ?? {};
    done += Number(isDone(own));
    find(entry, ".fm-lesson-state").textContent = isDone(own) ? "done" : own.choice !== undefined ? "predicted" : "";
  }
  write(find(root, ".fm-lessons-progress"), `${done} of ${entries.length} done, ${isKept() ? KEPT : UNKEPT}`);
}

/** @param {HTMLDetailsElement[]} entries */
const titlesOf = (entries) =>
  entries.map((entry) => ({ id: entry.dataset.lesson ?? "", title: find(entry, ".fm-lesson-title").innerHTML }));
