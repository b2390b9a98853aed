// The report that a student hands in: predictions, runs, figures and curves, as one HTML file made in the browser.
import { find, make, write } from "./dom.js";
import { download, sizeOf } from "./download.js";
import { clean } from "./lesson_markup.js";
import { keepName, readName, readProgress } from "./lesson_progress.js";
import { fileName, isBegun, reportOf } from "./lesson_report_page.js";

/** A lesson of the list; its title is HTML. @typedef {{ id: string, title: string }} Title */

const FORM = `<form method="dialog"><h2>Save my report</h2>
<p>One file with your predictions and runs, to read, print or hand in.</p>
<label>Your name <input name="name" autocomplete="name" maxlength="100"></label> <small>It may be left empty.</small>
<div class="fm-report-foot"><button type="submit">Save</button> <button type="button">Close</button></div>
<p role="status"></p></form>`;

/** Ask for the name, then save. @param {Title[]} lessons */
export function saveReport(lessons) {
  const dialog = make("dialog", { className: "fm-report", ariaLabel: "Save my report", innerHTML: FORM });
  const name = find(dialog, "input", HTMLInputElement);
  const status = find(dialog, "[role=status]");
  name.value = readName();
  find(dialog, "button[type=button]").onclick = () => dialog.close();
  dialog.onclose = () => dialog.remove();
  find(dialog, "form").onsubmit = async (event) => {
    event.preventDefault(); // it stays open to say how it went
    const typed = name.value.trim();
    keepName(typed);
    write(status, "Making the report …");
    write(status, await save(lessons, typed));
  };
  find(document, ".fm-lessons").append(dialog);
  dialog.showModal();
}

/** What to say of it. @param {Title[]} titles @param {string} name */
async function save(titles, name) {
  const progress = readProgress();
  const asked = titles.map((title) => lessonOf(title, progress[title.id] ?? {}));
  const lessons = await Promise.all(asked).catch(() => null);
  if (!lessons)
    return "The texts of the lessons could not be loaded, so there is no report yet. Try again in a moment.";
  const date = new Date();
  const html = reportOf({ name, date, page: location.origin + location.pathname, lessons, clean });
  const blob = new Blob([html], { type: "text/html" });
  download(blob, fileName(date));
  return `Saved ${fileName(date)} (${sizeOf(blob.size)}).`;
}

/** @param {Title} title @param {import("./lesson_progress.js").Progress} progress
 * @returns {Promise<import("./lesson_report_page.js").Lesson>} */
async function lessonOf({ id, title }, progress) {
  if (!isBegun(progress)) return { id, title, progress };
  const response = await fetch(new URL(`fm/lessons/${id}`, document.baseURI));
  const content = await response.json();
  return { id, title, progress, ...(content.refused ? {} : { content }) };
}
