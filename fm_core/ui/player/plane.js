// The canvas of one side in the plane of the classifier's features: clouds of training digits, and the predicted ends of
// the images on their way, as dots with trails.
import { coloursOf, contextOf, find, fit, make } from "./dom.js";
import { positionAt, strokePaths } from "./particles.js";
import { placesBetween } from "./time.js";

const HEAD = 52; // for the title and the variance, in pixels of the page
const EDGE = 22; // around the places
const FULL = 300; // a lower canvas has smaller marks
const REACH = 16; // pixels within which a click finds an image
const DIGITS = 10;

/** The least rectangle around all places of some blocks (…, 2). @param {FM.Block[]} blocks */
export function boundsOf(blocks) {
  const low = [Infinity, Infinity];
  const high = [-Infinity, -Infinity];
  for (const { values, scale } of blocks) {
    for (const [i, value] of values.entries()) {
      low[i % 2] = Math.min(low[i % 2], value * scale);
      high[i % 2] = Math.max(high[i % 2], value * scale);
    }
  }
  return { low, high };
}

/** The largest frame in which the rectangle lies in the middle of a canvas, beneath its head.
 * @param {{ low: number[], high: number[] }} bounds @param {number} width @param {number} height @param {number} head
 * @param {number} edge */
export function frameOf({ low, high }, width, height, head, edge) {
  const [across, up] = [high[0] - low[0] || 1, high[1] - low[1] || 1];
  const unit = Math.min((width - 2 * edge) / across, (height - head - 2 * edge) / up);
  const x0 = width / 2 - (unit * (low[0] + high[0])) / 2;
  return { unit, x0, y0: (head + height) / 2 + (unit * (low[1] + high[1])) / 2 };
}

/** @type {FM.Scene<FM.ImagesRun>["picture"]} */
export function createPlane(figure, run, index) {
  const canvas = find(figure, "canvas", HTMLCanvasElement);
  fit(canvas);
  const { width, height } = canvas;
  const [context, ratio, of] = [contextOf(canvas), window.devicePixelRatio || 1, coloursOf(figure)];
  const weight = Math.min(ratio * Number(of("weight") || 1), height / FULL);
  const { t, plane } = run.sides[index];
  const side = { t, x: /** @type {FM.Block} */ (plane) };
  const clouds = /** @type {NonNullable<FM.ImagesRun["plane"]>} */ (run.plane);
  const all = run.sides.flatMap(({ plane }) => plane ?? []);
  const frame = { side, ...frameOf(boundsOf([clouds.places, ...all]), width, height, HEAD * ratio, EDGE * ratio) };
  const [accent, ink, paper] = ["ab"[index], "ink", "paper"].map(of);
  const behind = make("canvas", { width, height });
  paintClouds(contextOf(behind), clouds, frame, weight, of);
  const pixelsOf = (/** @type {number} */ k, /** @type {number} */ time) => {
    const [x, y] = positionAt(side, k, time);
    return [frame.x0 + frame.unit * x, frame.y0 - frame.unit * y];
  };
  const dot = (/** @type {number} */ k, /** @type {number} */ time, size = 4.5, fillStyle = accent) => {
    const [x, y] = pixelsOf(k, time);
    Object.assign(context, { fillStyle, strokeStyle: paper, lineWidth: 1.5 * weight }).beginPath();
    context.arc(x, y, size * weight, 0, 2 * Math.PI);
    context.fill();
    context.stroke();
  };

  return {
    draw(time, _, selected) {
      context.drawImage(behind, 0, 0);
      const places = placesBetween(t.values, 0, time);
      const faint = { strokeStyle: ink, globalAlpha: 0.4, lineWidth: 0.8 * weight };
      strokePaths(context, frame, places, 0, run.particles, faint);
      for (let k = 0; k < run.particles; k++) dot(k, time);
      if (selected === null) return;
      strokePaths(context, frame, places, selected, selected + 1, { strokeStyle: accent, lineWidth: 2.5 * weight });
      dot(selected, time, 7, ink);
    },
    nearest({ offsetX, offsetY }, time) {
      const scale = width / canvas.clientWidth;
      const distances = Array.from({ length: run.particles }, (_, k) => {
        const [x, y] = pixelsOf(k, time);
        return Math.hypot(x - offsetX * scale, y - offsetY * scale);
      });
      const closest = Math.min(...distances);
      return closest < REACH * ratio ? distances.indexOf(closest) : null;
    },
  };
}

/** The training digits, each digit's name at its mean, and how much of the variance is seen.
 * @param {CanvasRenderingContext2D} context @param {NonNullable<FM.ImagesRun["plane"]>} clouds
 * @param {{ unit: number, x0: number, y0: number }} frame @param {number} weight
 * @param {(name: string) => string} of */
function paintClouds(context, { places, labels, means, share }, { unit, x0, y0 }, weight, of) {
  const { width, height } = context.canvas;
  Object.assign(context, { fillStyle: of("paper") }).fillRect(0, 0, width, height);
  context.globalAlpha = 0.45;
  for (const [k, digit] of labels.values.entries()) {
    const [x, y] = [0, 1].map((d) => places.values[2 * k + d] * places.scale * unit);
    context.fillStyle = `oklch(${of("light")} 0.13 ${(360 * digit) / DIGITS})`;
    context.fillRect(x0 + x - weight, y0 - y - weight, 2 * weight, 2 * weight);
  }
  context.globalAlpha = 1;
  Object.assign(context, { strokeStyle: of("paper"), lineWidth: 3 * weight, lineJoin: "round" });
  Object.assign(context, { textAlign: "center", textBaseline: "middle" });
  context.font = `700 ${18 * weight}px system-ui, sans-serif`;
  context.fillStyle = of("ink");
  for (const [digit, [x, y]] of means.entries()) {
    context.strokeText(String(digit), x0 + unit * x, y0 - unit * y);
    context.fillText(String(digit), x0 + unit * x, y0 - unit * y);
  }
  Object.assign(context, { textAlign: "left", textBaseline: "bottom", fillStyle: of("soft") });
  context.font = `${12 * weight}px system-ui, sans-serif`;
  const words = `2 of 128 directions, ${(100 * share).toFixed(0)}% of the variance`;
  const fits = context.measureText(words).width < width - 100 * weight; // beside the variance on a phone
  if (fits) context.fillText(words, 10 * weight, height - 8 * weight);
}
