// The controls beside an experiment, and the buttons that set them.
import { find, make } from "./dom.js";

/** @typedef {{ sets: string[], title: string, least?: number, most?: number, step?: number, choices?: [string, any][] }} Control */
/** A control on the page: its element, and how to show the value that it has now.
 * @typedef {{ element: HTMLElement, show(): void }} Shown */
/** What a button does: the values it sets, by the controls' first names, and where it puts the probe, as in an address.
 * @typedef {{ set: Record<string, any>, show: string }} Try */
/** `show` is how the player shows the run at first. @typedef {{ controls: Control[], tries: Try[], show: string,
 *   values: Record<string, any>, usual: Record<string, any>, changed(): void, display(show: string): void,
 *   isAt(show: string): boolean }} Context */

/** Put the controls into their place; `mark` shows what is as the buttons say. @param {HTMLElement} place @param {Context} context */
export function showControls(place, context) {
  const { controls, tries, values, usual, show, display, isAt } = context;
  if (!controls.length && !tries.length) return { mark: () => {} };
  const undo = find(place, ".fm-usual", HTMLButtonElement);
  const buttons = tries.map((_, k) => find(place, `[data-try="${k}"]`, HTMLButtonElement));
  const undone = Object.fromEntries(controls.map(({ sets: [name] }) => [name, usual[name]]));
  const isDone = (/** @type {Try} */ { set, show }) =>
    isAt(show) && Object.entries(set).every(([name, value]) => values[name] === value);
  const first = { set: undone, show };
  const mark = () => {
    undo.hidden = isDone(first);
    for (const [k, button] of buttons.entries()) button.ariaPressed = String(isDone(tries[k]));
  };
  const changed = () => {
    mark();
    context.changed();
  };
  const shown = controls.map((control) => shownOf(control, values, changed));
  const act = (/** @type {Try} */ { set, show }) => {
    for (const [k, control] of controls.entries()) {
      const [first] = control.sets;
      if (first in set) for (const name of control.sets) values[name] = set[first];
      shown[k].show();
    }
    display(show);
    if (Object.keys(set).length) changed();
  };
  find(place, ".fm-lesson-controls").append(...shown.map(({ element }) => element));
  for (const [k, button] of buttons.entries()) button.addEventListener("click", () => act(tries[k]));
  undo.addEventListener("click", () => {
    act(first);
    find(place, ".fm-shown").focus({ preventScroll: true }); // the button is gone
  });
  mark();
  return { mark };
}

/** @param {Control} control @param {Record<string, any>} values @param {() => void} changed @returns {Shown} */
function shownOf(control, values, changed) {
  const set = (/** @type {any} */ value) => {
    for (const name of control.sets) values[name] = value;
    changed();
  };
  if (control.choices) return menuOf(control, control.choices, values, set);
  return control.sets[0] === "seed" ? diceOf(set) : sliderOf(control, values, set);
}

/** @param {Control} control @param {[string, any][]} choices @param {Record<string, any>} values @param {(value: any) => void} set @returns {Shown} */
function menuOf({ sets: [name], title }, choices, values, set) {
  const options = choices.map(([text, value]) => make("option", { value: String(value) }, text));
  const select = make("select", { ariaLabel: title }, ...options);
  const show = () => {
    select.selectedIndex = choices.findIndex(([, value]) => value === values[name]);
  };
  select.addEventListener("change", () => set(choices[select.selectedIndex][1]));
  show();
  return { element: make("label", {}, make("span", {}, title), select), show };
}

/** @param {(value: number) => void} set @returns {Shown} */
function diceOf(set) {
  const element = make("button", { type: "button" }, "New noise");
  element.addEventListener("click", () => set(Math.floor(Math.random() * 2 ** 31)));
  return { element, show: () => {} };
}

/** @param {Control} control @param {Record<string, any>} values @param {(value: number) => void} set @returns {Shown} */
function sliderOf({ sets: [name], title, least, most, step }, values, set) {
  const output = make("output", {});
  const ends = { min: String(least), max: String(most), step: String(step) };
  const range = make("input", { type: "range", ...ends, ariaLabel: title });
  const show = () => {
    range.value = String(values[name]);
    output.textContent = String(values[name]);
  };
  range.addEventListener("input", () => {
    output.textContent = range.value;
    set(range.valueAsNumber);
  });
  show();
  return { element: make("label", {}, make("span", {}, title), range, output), show };
}
