// An experiment of a lesson: a player with the controls that matter, and a conclusion made of its run's figures.
import { displayIn } from "./address.js";
import { find, make } from "./dom.js";
import { showLesson } from "./lesson_address.js";
import { showControls } from "./lesson_controls.js";
import { conclude, figuresOf } from "./lesson_figures.js";
import { keptRecord, keptRun } from "./lesson_kept.js";
import { isAt, movedBy, placeIn, placeOf } from "./lesson_place.js";
import { probeFigures } from "./lesson_probe.js";
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
function changedIn({ values, controls = [], show = "" }, context) {
  const query = new URLSearchParams(context.query);
  let changed = query.get("show") === String(context.k + 1) || shownFrom(show, context) !== show;
  for (const control of controls) {
    const text = query.get(parameterOf(context, control.sets[0]));
    const value = text === null ? undefined : accepted(control, text);
    if (value === undefined) continue;
    for (const name of control.sets) values[name] = value;
    changed = true;
  }
  return changed;
}

/** How the player shows the run at first. @param {string} show @param {Context} context */
function shownFrom(show, context) {
  const query = new URLSearchParams(context.query);
  return movedBy(show, (name) => query.get(parameterOf(context, name)));
}

/** The value that a text stands for, if the control can have it. @param {Control} control @param {string} text */
function accepted({ least = 0, most = 0, choices }, text) {
  if (choices) return choices.find(([, value]) => String(value) === text)?.[1];
  const value = Number(text);
  return text !== "" && value >= least && value <= most ? value : undefined;
}

/** @param {HTMLElement} place @param {Experiment} experiment @param {Record<string, any>} usual values @param {Context} context */
async function showRun(place, experiment, usual, context) {
  const { values, scene, show } = experiment;
  const opened = shownFrom(show, context);
  const asks = placeIn(show) !== null; // why an arrow points where it does
  place.classList.toggle("fm-asks", asks);
  let kept = opened;
  const shown = find(place, ".fm-lesson-player");
  shown.innerHTML = experiment.player;
  const root = find(shown, ".fm-player");
  root.ariaLabel = `Flow player: ${find(place, "h3").textContent}`;
  const ask = () => {
    root.dataset.asked = String(Number(root.dataset.asked ?? 0) + 1);
    root.dispatchEvent(new Event("ask"));
  };
  const different = () => experiment.controls.filter(({ sets: [name] }) => values[name] !== usual[name]);
  const parameters = () => {
    const changed = different().map(({ sets: [name] }) => [name, String(values[name])]);
    const moved = isAt(player, show) ? [] : Object.entries(placeOf(player));
    const named = [...changed, ...moved].map(([name, value]) => [parameterOf(context, name), value]);
    return { show: String(context.k + 1), ...Object.fromEntries(named) };
  };
  const changed = () => {
    age(place, true);
    showLesson(context.lesson, parameters());
    ask();
  };
  const concludeFrom = (/** @type {FM.Run} */ run) => {
    const { probe, clock } = player;
    const waits = asks && !probe.settled && !clock.playing;
    age(place, root.dataset.asked !== root.dataset.started || waits);
    if (waits) return;
    const said = conclude(experiment.conclusion, figuresOf(run, probeFigures(probe)));
    say(place, said, run, asks && probe.at ? placeOf(player) : null);
    keepLater(root, () => {
      const settings = different().map((control) => inWords(control, values, usual));
      const words = { title: experiment.title, said, settings, changed: parameters() };
      keepRun(context.lesson, context.k, keptRun(player, run, words, isOpenable(run)));
    });
  };
  root.addEventListener("run", (event) => concludeFrom(/** @type {CustomEvent<FM.Run>} */ (event).detail));
  root.addEventListener("probe", () => {
    controls.mark();
    if (!asks || !player.run) return;
    concludeFrom(player.run);
    if (!player.probe.settled || isAt(player, kept)) return;
    kept = String(new URLSearchParams(placeOf(player)));
    showLesson(context.lesson, parameters());
  });
  const { mount } = await import(`./${scene}.js`);
  /** @type {import("./player.js").Player} */
  const player = mount(
    shown,
    { ...context, tab: experiment.tab, comparisons: [], search: `?${opened}` },
    {
      ask: () => root.dispatchEvent(new CustomEvent("values", { detail: values })),
      apply: () => root.dispatchEvent(new Event("applied")),
      restore: () => {},
    },
  );
  const display = (/** @type {string} */ wanted) => {
    if (!placeIn(wanted)) return;
    player.display(displayIn(wanted));
    player.refresh();
  };
  const controls = showControls(place, {
    ...experiment,
    usual,
    changed,
    display,
    isAt: (wanted) => isAt(player, wanted),
  });
}

/** @param {HTMLElement} place @param {string[]} sentences @param {FM.Run} [run]
 * @param {{ probe: string, t: string } | null} [at] where its probe is */
function say(place, sentences, run, at = null) {
  const paragraphs = sentences.map((innerHTML) => make("p", { innerHTML }));
  const query = `${run?.query ?? ""}${at ? `&probe=${at.probe}&t=${at.t}` : ""}`;
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
