// What comes after a lesson: the next one, or after the last, the report.
import { find, make } from "./dom.js";

/** @param {HTMLDetailsElement} entry */
export function showNext(entry) {
  const next = entry.nextElementSibling;
  const place = find(entry, ".fm-next");
  if (!(next instanceof HTMLDetailsElement)) {
    const report = make("button", { type: "button" }, "Save my report");
    report.dataset.lessons = "report";
    place.replaceChildren(report);
    return;
  }
  const title = find(next, ".fm-lesson-title").innerHTML;
  const button = make("button", { type: "button", innerHTML: `Next: ${next.dataset.lesson}. ${title}` });
  button.addEventListener("click", () => goOn(entry, next));
  place.replaceChildren(button);
}

/** @param {HTMLDetailsElement} entry @param {HTMLDetailsElement} next */
function goOn(entry, next) {
  entry.open = false;
  next.dataset.sought = "yes";
  next.open = true;
  next.scrollIntoView({ block: "start" });
  find(next, "summary").focus({ preventScroll: true });
}
