// The canvas of one side at any time t: its images in a square grid.
import { coloursOf, contextOf, find, fit, make } from "./dom.js";
import { locate } from "./time.js";

export const SIZE = 28;
const PIXELS = SIZE * SIZE;
const GAP = 2; // between images, in their pixels
const CELL = SIZE + GAP;
const FULL_SPEED = 4; // a velocity of this size is shown white

/** @type {FM.Scene<FM.ImagesRun>["picture"]} */
export function createGrid(figure, run, index) {
  const columns = Math.ceil(Math.sqrt(run.particles));
  const [width, height] = [columns, Math.ceil(run.particles / columns)].map((count) => count * CELL + GAP);
  const sheet = make("canvas", { width, height });
  const canvas = find(figure, "canvas", HTMLCanvasElement);
  canvas.style.aspectRatio = `${width} / ${height}`;
  fit(canvas, height / width);
  const [context, sheetContext] = [contextOf(canvas), contextOf(sheet)];
  const [accent, line] = ["ab"[index], "line"].map(coloursOf(figure));
  const image = new ImageData(SIZE, SIZE);
  const left = (/** @type {number} */ k) => (k % columns) * CELL + GAP;
  const top = (/** @type {number} */ k) => Math.floor(k / columns) * CELL + GAP;

  return {
    draw(t, { view }, selected) {
      Object.assign(sheetContext, { fillStyle: line }).fillRect(0, 0, width, height);
      for (let k = 0; k < run.particles; k++) {
        paintImage(image.data, run, run.sides[index], k, t, view);
        sheetContext.putImageData(image, left(k), top(k));
      }
      context.imageSmoothingEnabled = false;
      context.drawImage(sheet, 0, 0, canvas.width, canvas.height);
      if (selected === null) return;
      const unit = canvas.width / width;
      Object.assign(context, { strokeStyle: accent, lineWidth: GAP * unit });
      const [x, y] = [left(selected) - GAP / 2, top(selected) - GAP / 2];
      context.strokeRect(x * unit, y * unit, CELL * unit, CELL * unit);
    },
    nearest({ offsetX, offsetY }) {
      const cells = [offsetX, offsetY].map((at) => Math.floor(((at / canvas.clientWidth) * width - GAP / 2) / CELL));
      const [x, y] = cells.map((cell) => Math.max(0, Math.min(cell, columns - 1)));
      return y * columns + x < run.particles ? y * columns + x : null;
    },
  };
}

/** Write x_t, the predicted end, or the size of the velocity into RGBA data, which clips to 0 and 255.
 * @param {Uint8ClampedArray} data @param {FM.ImagesRun} run @param {FM.ImageSide} side
 * @param {number} index @param {number} t @param {FM.Options["view"]} view */
export function paintImage(data, { scales }, { t: times, x, v, coefficients }, index, t, view) {
  const { state, fraction } = locate(times.values, t);
  const from = (state * x.shape[1] + index) * PIXELS;
  const to = from + x.shape[1] * PIXELS;
  const mix = (/** @type {number} */ a, /** @type {number} */ b, part = fraction) => a + part * (b - a);
  const at = (/** @type {FM.Block} */ block, /** @type {number} */ i) =>
    block.scale * mix(block.values[from + i], block.values[to + i]);
  const [a, b] = [0, 1].map((k) => mix(coefficients[state][k], coefficients[state + 1][k]));
  const [mean, std] = [0, 1].map((k) => mix(scales[0][k], scales[1][k], view === "end" ? 1 : t));
  for (let i = 0; i < PIXELS; i++) {
    let grey = 255 * ((view === "end" ? a * at(x, i) + b * at(v, i) : at(x, i)) * std + mean);
    if (view === "speed") grey = (255 * Math.abs(at(v, i))) / FULL_SPEED;
    data[4 * i] = data[4 * i + 1] = data[4 * i + 2] = grey;
    data[4 * i + 3] = 255;
  }
}
