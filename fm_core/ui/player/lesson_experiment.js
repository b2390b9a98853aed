// An experiment of a lesson: a player with the controls that matter, and a conclusion made of its run's figures.
import { find, make } from "./dom.js";
import { showLesson } from "./lesson_address.js";
import { showControls } from "./lesson_controls.js";
import { conclude, figuresOf } from "./lesson_figures.js";
import { keptRecord, keptRun } from "./lesson_kept.js";
import { keepRun } from "./lesson_progress.js";

/** @typedef {import("./lesson_controls.js").Control} Control */
/** @typedef {{ title: string, conclusion: { say: string, when: string }[], refused?: string, chart?: any, figures?: Record<string, number>,
 *   tab: string, scene: "points" | "images", player: string, values: Record<string, any>, controls: Control[], tries: import("./lesson_controls.js").Try[], show: string }} Experiment */
/** @typedef {{ plotly: string, lesson: string, k: number, query: string }} Context */

/** @param {HTMLElement} place @param {Experiment} experiment @param {Context} context */
export function mountExperiment(place, experiment, context) {
  const button = find(place, ".fm-show-me", HTMLButtonElement);
  const usual = { ...experiment.values };
  const begin = () => {
    button.hidden = true;
    find(place, ".fm-shown").hidden = false;
    if (experiment.refused) find(place, ".fm-conclusion").textContent = experiment.refused;
    else if (experiment.chart) showRecord(place, experiment, context);
    else showRun(place, experiment, usual, context);
  };
  button.addEventListener("click", () => {
    begin();
    find(place, ".fm-shown").focus({ preventScroll: true }); // the button is gone
  });
  if (!changedIn(experiment, context)) return;
  place.parentElement?.classList.add("fm-begun"); // the link leads to the run
  begin();
}

/** The parameters of the address that belong to this experiment: the first one's names, the others' with its number.
 * @param {Context} context @param {string} name */
const parameterOf = ({ k }, name) => (k ? `${name}.${k + 1}` : name);

/** Set the values that the address has; whether there was any. @param {Experiment} experiment @param {Context} context */
function changedIn({ values, controls = [] }, context) {
  const query = new URLSearchParams(context.query);
  let changed = query.get("show") === String(context.k + 1);
  for (const control of controls) {
    const text = query.get(parameterOf(context, control.sets[0]));
    const value = text === null ? undefined : accepted(control, text);
    if (value === undefined) continue;
    for (const name of control.sets) values[name] = value;
    changed = true;
  }
  return changed;
}

/** The value that a text stands for, if the control can have it. @param {Control} control @param {string} text */
function accepted({ least = 0, most = 0, choices }, text) {
  if (choices) return choices.find(([, value]) => String(value) === text)?.[1];
  const value = Number(text);
  return text !== "" && value >= least && value <= most ? value : undefined;
}

/** @param {HTMLElement} place @param {Experiment} experiment @param {Record<string, any>} usual values @param {Context} context */
async function showRun(place, experiment, usual, context) {
  const { values, scene } = experiment;
  const shown = find(place, ".fm-lesson-player");
  shown.innerHTML = experiment.player;
  const root = find(shown, ".fm-player");
  const ask = () => {
    root.dataset.asked = String(Number(root.dataset.asked ?? 0) + 1);
    root.dispatchEvent(new Event("ask"));
  };
  const different = () => experiment.controls.filter(({ sets: [name] }) => values[name] !== usual[name]);
  const parameters = () => {
    const changed = different().map(({ sets: [name] }) => [parameterOf(context, name), String(values[name])]);
    return { show: String(context.k + 1), ...Object.fromEntries(changed) };
  };
  const changed = () => {
    age(place, true);
    showLesson(context.lesson, parameters());
    ask();
  };
  showControls(place, { ...experiment, usual, changed });
  root.addEventListener("run", (event) => {
    const run = /** @type {CustomEvent<FM.Run>} */ (event).detail;
    age(place, root.dataset.asked !== root.dataset.started);
    const said = conclude(experiment.conclusion, figuresOf(run));
    say(place, said, run);
    keepLater(root, () => {
      const settings = different().map((control) => inWords(control, values, usual));
      const words = { title: experiment.title, said, settings, changed: parameters() };
      keepRun(context.lesson, context.k, keptRun(player, run, words, isOpenable(run)));
    });
  });
  const { mount } = await import(`./${scene}.js`);
  const player = mount(
    shown,
    { ...context, tab: experiment.tab, comparisons: [], search: `?${experiment.show}` },
    {
      ask: () => root.dispatchEvent(new CustomEvent("values", { detail: values })),
      apply: () => root.dispatchEvent(new Event("applied")),
      restore: () => {},
    },
  );
}

/** @param {HTMLElement} place @param {string[]} sentences @param {FM.Run} [run] */
function say(place, sentences, run) {
  const paragraphs = sentences.map((innerHTML) => make("p", { innerHTML }));
  const query = run?.query ?? "";
  const link = make("a", { className: "fm-open", href: `?${query}` }, "Open this run in the playground");
  find(place, ".fm-conclusion").replaceChildren(...paragraphs, ...(run && isOpenable(run) ? [link] : []));
}

/** Whether the conclusion is not yet that of what the controls say. @param {HTMLElement} place @param {boolean} old */
function age(place, old) {
  place.classList.toggle("fm-stale", old);
  find(place, ".fm-conclusion").ariaBusy = String(old);
}

/** Whether a tab of the page can show the run. @param {FM.Run} run */
const isOpenable = ({ sides }) => sides.every((side) => /** @type {any} */ (side).velocity !== "pairs");

/** @param {HTMLElement} place @param {Experiment} experiment @param {Context} context */
async function showRecord(place, { title, chart, figures, conclusion }, { plotly, lesson, k }) {
  const { loadPlotly } = await import("./chart.js");
  await loadPlotly(plotly);
  const plot = make("div", { className: "fm-record", role: "img", ariaLabel: title });
  find(place, ".fm-lesson-player").replaceChildren(plot);
  Plotly.react(
    plot,
    chart.data,
    { ...chart.layout, autosize: true, height: 320 },
    { responsive: true, displayModeBar: false },
  );
  const said = conclude(conclusion, figuresOf(null, figures));
  say(place, said);
  keepRun(lesson, k, keptRecord(chart, { title, said, settings: [], changed: { show: String(k + 1) } }));
}

const waiting = /** @type {WeakMap<HTMLElement, number>} */ (new WeakMap());

/** After the last of several changes in a row, unless the player is gone by then. @param {HTMLElement} root @param {() => void} act */
function keepLater(root, act) {
  clearTimeout(waiting.get(root));
  waiting.set(root, Number(setTimeout(() => root.isConnected && act(), 400)));
}

/** What was changed, such as "Steps: 10 (usually 50)". @param {Control} control @param {Record<string, any>} values
 * @param {Record<string, any>} usual */
function inWords({ sets: [name], title, choices }, values, usual) {
  const said = (/** @type {any} */ value) => choices?.find(([, choice]) => choice === value)?.[0] ?? String(value);
  return `${title}: ${said(values[name])} (usually ${said(usual[name])})`;
}
