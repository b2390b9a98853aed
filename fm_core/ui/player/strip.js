// A film strip of the selected image for each side, and the classifier's probabilities of the ten digits.
import { contextOf, make } from "./dom.js";
import { paintImage, SIZE } from "./grid.js";
import { locate, stateAt } from "./time.js";

const FRAMES = 11;
/** What each place shows. @type {WeakMap<Element, unknown[]>} */
const shown = new WeakMap();

/** An image's digit probabilities, if any. @param {FM.ImageSide} side @param {number} state @param {number} index */
export function probabilitiesAt({ probabilities }, state, index) {
  if (!probabilities) return [];
  const { values, shape, scale } = probabilities;
  const from = (state * shape[1] + index) * shape[2];
  return Array.from(values.subarray(from, from + shape[2]), (value) => value * scale);
}

/** @type {NonNullable<FM.Scene<FM.ImagesRun>["detail"]>} */
export function showStrips(place, run, t, selected) {
  place.hidden = selected === null;
  if (selected === null) return;
  const contents = [run, selected, run.sides[0].probabilities];
  if (contents.some((part, k) => shown.get(place)?.[k] !== part)) {
    place.replaceChildren(...run.sides.map((side, index) => stripOf(run, side, "ab"[index], selected)));
    shown.set(place, contents);
  }
  for (const [index, side] of run.sides.entries()) markStrip(place.children[index], side, t, selected);
}

/** @param {FM.ImagesRun} run @param {FM.ImageSide} side @param {string} letter @param {number} selected */
function stripOf(run, side, letter, selected) {
  const strip = make("div", { className: `fm-strip fm-${letter}` });
  const places = Array.from({ length: FRAMES }, (_, k) => locate(side.t.values, k / (FRAMES - 1)));
  const states = new Set(places.map(({ state, fraction }) => state + Math.round(fraction)));
  strip.append(...Array.from(states, (state) => frameOf(run, side, state, selected)));
  if (!side.probabilities) return strip;
  const innerHTML = "0123456789".replace(/./g, "<li><i></i>$&</li>");
  const ariaLabel = "How probable the classifier finds each digit in the predicted end";
  const bars = make("ol", { className: "fm-bars", ariaLabel, innerHTML });
  const right = side.right?.digits[selected];
  if (right !== undefined) Object.assign(bars.children[right], { className: "fm-right", title: "The right digit" });
  strip.append(bars);
  return strip;
}

/** @param {FM.ImagesRun} run @param {FM.ImageSide} side @param {number} state @param {number} selected */
function frameOf(run, side, state, selected) {
  const t = side.t.values[state];
  const image = new ImageData(SIZE, SIZE);
  paintImage(image.data, run, side, selected, t, "x");
  const canvas = make("canvas", { width: SIZE, height: SIZE });
  contextOf(canvas).putImageData(image, 0, 0);
  const figure = make("figure", {}, canvas, make("figcaption", {}, t.toFixed(2)));
  figure.dataset.state = String(state);
  return figure;
}

/** @param {Element} strip @param {FM.ImageSide} side @param {number} t @param {number} selected */
function markStrip(strip, side, t, selected) {
  const now = stateAt(side.t.values, t);
  const frames = [...strip.querySelectorAll("figure")];
  const current = frames.findLast((frame) => Number(frame.dataset.state) <= now); // the last one not after t
  for (const frame of frames) frame.classList.toggle("fm-now", frame === current);
  const heights = probabilitiesAt(side, now, selected).map((value) => `${100 * value}%`);
  for (const [digit, bar] of strip.querySelectorAll("i").entries()) bar.style.height = heights[digit];
}
