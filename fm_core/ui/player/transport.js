// Where the clock is: the step, its cost, t, the slider and the play button.
import { find, write } from "./dom.js";
import { stateAt } from "./time.js";

const PLAY_ICON = "M4 2.5v11L13.5 8z";
const PAUSE_ICON = "M3.5 2.5h3v11h-3zM9.5 2.5h3v11h-3z";

/** The side with more steps, whose states the step buttons visit. @param {FM.Run} run */
export const finest = ({ sides }) => sides.reduce((a, b) => (b.steps > a.steps ? b : a));

/** Evaluations until a state, of all. @param {number} nfe @param {number} state @param {number} steps */
export const evaluationsOf = (nfe, state, steps) => (nfe ? `${(nfe * state) / steps} of ${nfe}` : "0");

/** @param {HTMLElement} root @param {FM.Run} run @param {import("./clock.js").Clock} clock */
export function drawTransport(root, run, { t, playing }) {
  const { t: times, steps, nfe } = finest(run);
  const step = stateAt(times.values, t);
  const place = `step ${step} of ${steps}`;
  Object.assign(root.dataset, { step, t: t.toFixed(4), playing });
  write(find(root, ".fm-place"), place);
  write(find(root, ".fm-spent"), nfe ? ` · ${evaluationsOf(nfe, step, steps)} evaluations` : " · no network");
  write(find(root, ".fm-t"), `t = ${t.toFixed(3)}`);
  moveThumb(find(root, ".fm-scrub", HTMLInputElement), t, place);
  showButton(find(root, ".fm-play"), playing);
}

/** @param {HTMLInputElement} scrub @param {number} t @param {string} place */
function moveThumb(scrub, t, place) {
  if (Math.abs(Number(scrub.value) - 1000 * t) > 0.5) scrub.value = String(1000 * t);
  scrub.ariaValueText = `t = ${t.toFixed(2)}, ${place}`;
  scrub.style.setProperty("--fm-done", `${100 * t}%`);
}

/** @param {HTMLElement} button @param {boolean} playing */
function showButton(button, playing) {
  const [label, icon] = playing ? ["Pause (space)", PAUSE_ICON] : ["Play (space)", PLAY_ICON];
  if (button.ariaLabel !== label) find(button, "path", SVGElement).setAttribute("d", icon);
  button.ariaLabel = label;
}
