// One lesson: a prediction to commit to, experiments, and the answer.
import { find, make } from "./dom.js";
import { mountExperiment } from "./lesson_experiment.js";
import { showNext } from "./lesson_next.js";
import { keep, progressIn } from "./lesson_progress.js";

const PAUSE = 300; // milliseconds after the last letter

/** @typedef {{ text: string, answer: string, right: boolean }} Choice */
/** @typedef {{ html: string, choices: Choice[], experiments: import("./lesson_experiment.js").Experiment[], refused?: string }} Content */

/** Fetch the lesson, and show it as far as the person is. @param {HTMLDetailsElement} entry @param {{ plotly: string }} props */
export async function mountLesson(entry, props) {
  const id = entry.dataset.lesson ?? "";
  const body = find(entry, ".fm-lesson-body");
  body.textContent = "Loading …";
  const response = await fetch(new URL(`fm/lessons/${id}`, document.baseURI));
  /** @type {Content} */
  const content = await response.json();
  if (content.refused) {
    body.textContent = content.refused;
    return;
  }
  body.innerHTML = content.html;
  connectPrediction(id, body, content.choices);
  connectNotes(id, body);
  showNext(entry);
  const widths = new ResizeObserver(() => reachLines(body));
  widths.observe(find(body, ".fm-derivation"));
  for (const [k, experiment] of content.experiments.entries()) {
    const place = find(body, `[data-experiment="${k}"]`);
    mountExperiment(place, experiment, { ...props, lesson: id, k, query: entry.dataset.query ?? "" });
  }
  delete entry.dataset.query;
}

/** Formulas that are wider than the page can be scrolled, also with the keyboard. @param {HTMLElement} body */
function reachLines(body) {
  for (const line of body.querySelectorAll(".fm-line")) {
    if (line.scrollWidth > line.clientWidth) line.setAttribute("tabindex", "0");
    else line.removeAttribute("tabindex");
  }
}

/** @param {string} id @param {HTMLElement} body */
function connectNotes(id, body) {
  const notes = find(body, ".fm-notes textarea", HTMLTextAreaElement);
  notes.value = progressIn(id).notes ?? "";
  let typed = 0;
  const save = () => {
    clearTimeout(typed);
    keep(id, { notes: notes.value });
  };
  notes.addEventListener("change", save); // leaving the field, to save the report, say
  notes.addEventListener("input", () => {
    clearTimeout(typed);
    typed = Number(setTimeout(save, PAUSE));
  });
}

/** @param {string} id @param {HTMLElement} body @param {Choice[]} choices */
function connectPrediction(id, body, choices) {
  const form = find(body, ".fm-prediction", HTMLFormElement);
  const button = find(form, "button", HTMLButtonElement);
  const inputs = [...form.querySelectorAll("input")];
  const commit = (/** @type {number} */ chosen) => {
    for (const [k, input] of inputs.entries()) {
      input.disabled = true;
      input.checked = k === chosen;
      input.parentElement?.classList.toggle("fm-chosen", k === chosen);
    }
    for (const other of form.querySelectorAll("button")) other.hidden = true;
    body.classList.add("fm-begun");
    const { right, answer } = choices[chosen];
    const verdict = make("b", { className: right ? "fm-right" : "fm-wrong" }, right ? "Yes. " : "No. ");
    const words = make("span", { innerHTML: answer });
    find(body, ".fm-verdict").replaceChildren(verdict, words);
  };
  find(form, ".fm-skip-prediction").addEventListener("click", () => {
    body.classList.add("fm-begun");
    find(body, ".fm-show-me").focus({ preventScroll: true });
  });
  form.addEventListener("change", () => {
    button.disabled = !inputs.some(({ checked }) => checked);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const chosen = inputs.findIndex(({ checked }) => checked);
    commit(chosen);
    find(body, ".fm-verdict").focus({ preventScroll: true }); // the button is gone
    keep(id, { choice: chosen });
  });
  const { choice } = progressIn(id);
  if (choice !== undefined && choice in choices) commit(choice);
}
