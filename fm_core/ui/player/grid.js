// The canvas of one side at any time t: its images in a grid, each beneath the picture that it comes from, if any, or
// above the training digit that is nearest to its end.
import { coloursOf, contextOf, find, fit, make } from "./dom.js";
import { locate } from "./time.js";

export const SIZE = 28;
const PIXELS = SIZE * SIZE;
const [HEAD, FOOT] = [52, 6]; // for the title and the variance, and beneath the images, in pixels of the page
const GAP = 2; // between images, in their pixels
const LABEL = 9; // the height of a line of text, in their pixels
const SMALLEST = 8; // letters that are drawn, in pixels of the page
const FULL_SPEED = 4; // a velocity of this size is shown white

/** The number of columns with which `count` cells are drawn largest. @param {number} count @param {number} width
 * @param {number} height @param {number} cellWidth @param {number} cellHeight */
export function columnsFor(count, width, height, cellWidth, cellHeight) {
  const zoom = (/** @type {number} */ columns) =>
    Math.min(width / (columns * cellWidth), height / (Math.ceil(count / columns) * cellHeight));
  return Array.from({ length: count }, (_, k) => k + 1).reduce((best, n) => (zoom(n) > zoom(best) + 1e-9 ? n : best));
}

/** The size of a cell in image pixels, and where in it the image is drawn, and what is above and below.
 * @param {boolean} above @param {boolean} below */
export function cellOf(above, below) {
  const image = above ? SIZE + GAP / 2 : 0;
  const nearest = image + SIZE + GAP / 2;
  const height = below ? nearest + SIZE + LABEL : image + SIZE + (above ? GAP * 1.5 : GAP);
  return { width: SIZE + GAP, height, image, nearest };
}

/** @type {FM.Scene<FM.ImagesRun>["picture"]} */
export function createGrid(figure, run, index, { layers }) {
  const canvas = find(figure, "canvas", HTMLCanvasElement);
  fit(canvas);
  const { pictures, particles: count } = run;
  const nearest = layers.includes("nearest") ? run.sides[index].nearest : undefined;
  const cell = cellOf(Boolean(pictures), Boolean(nearest));
  const [head, foot] = [HEAD, FOOT].map((size) => size * (window.devicePixelRatio || 1));
  const room = canvas.height - head - foot;
  const columns = columnsFor(count, canvas.width, room, cell.width, cell.height);
  const [width, height] = [columns * cell.width + GAP, Math.ceil(count / columns) * cell.height + GAP];
  const sheet = make("canvas", { width, height });
  const [context, sheetContext] = [contextOf(canvas), contextOf(sheet)];
  const [accent, line, paper, ink] = ["ab"[index], "line", "paper", "ink"].map(coloursOf(figure));
  const zoom = Math.min(canvas.width / width, room / height);
  const [x0, y0] = [(canvas.width - zoom * width) / 2, head + (room - zoom * height) / 2];
  const image = new ImageData(SIZE, SIZE);
  const left = (/** @type {number} */ k) => (k % columns) * cell.width + GAP;
  const top = (/** @type {number} */ k) => Math.floor(k / columns) * cell.height + GAP;
  const letters = Math.min((12 * canvas.width) / canvas.clientWidth, 0.95 * LABEL * zoom);
  const label = (/** @type {number} */ k, /** @type {number} */ distance) => {
    const [x, y] = [left(k) + SIZE / 2, top(k) + cell.nearest + SIZE + LABEL / 2];
    Object.assign(context, { fillStyle: ink, textAlign: "center", textBaseline: "middle" });
    context.font = `${letters}px system-ui, sans-serif`;
    context.fillText(distance.toFixed(2), x0 + x * zoom, y0 + y * zoom);
  };

  return {
    draw(t, { view }, selected) {
      Object.assign(sheetContext, { fillStyle: line }).fillRect(0, 0, width, height);
      for (let k = 0; k < count; k++) {
        if (pictures) {
          paintPicture(image.data, pictures, k);
          sheetContext.putImageData(image, left(k), top(k));
        }
        paintImage(image.data, run, run.sides[index], k, t, view);
        sheetContext.putImageData(image, left(k), top(k) + cell.image);
        if (!nearest) continue;
        paintPicture(image.data, nearest.pixels, k);
        sheetContext.putImageData(image, left(k), top(k) + cell.nearest);
      }
      Object.assign(context, { fillStyle: paper }).fillRect(0, 0, canvas.width, canvas.height);
      context.imageSmoothingEnabled = false;
      context.drawImage(sheet, x0, y0, zoom * width, zoom * height);
      const readable = letters * canvas.clientWidth >= SMALLEST * canvas.width;
      for (const [k, distance] of nearest?.distances.entries() ?? []) if (readable) label(k, distance);
      if (selected === null) return;
      Object.assign(context, { strokeStyle: accent, lineWidth: GAP * zoom });
      const [x, y] = [left(selected) - GAP / 2, top(selected) - GAP / 2];
      context.strokeRect(x0 + x * zoom, y0 + y * zoom, cell.width * zoom, cell.height * zoom);
    },
    nearest({ offsetX, offsetY }) {
      const scale = canvas.width / canvas.clientWidth / zoom;
      const column = Math.floor((offsetX * scale - x0 / zoom - GAP / 2) / cell.width);
      const row = Math.floor((offsetY * scale - y0 / zoom - GAP / 2) / cell.height);
      const found = row * columns + column;
      return column >= 0 && column < columns && row >= 0 && found < count ? found : null;
    },
  };
}

/** @param {Uint8ClampedArray} data RGBA @param {FM.Block} pictures @param {number} index */
function paintPicture(data, { values }, index) {
  for (let i = 0; i < PIXELS; i++) {
    data[4 * i] = data[4 * i + 1] = data[4 * i + 2] = values[index * PIXELS + i];
    data[4 * i + 3] = 255;
  }
}

/** Write x_t, the predicted end, or the size of the velocity into RGBA data, which clips to 0 and 255.
 * @param {Uint8ClampedArray} data @param {FM.ImagesRun} run @param {FM.ImageSide} side
 * @param {number} index @param {number} t @param {FM.Options["view"]} wanted */
export function paintImage(data, { scales }, { t: times, x, v: sent, coefficients }, index, t, wanted) {
  const v = sent ?? x;
  const view = sent ? wanted : "x"; // until the velocities are there; and until the plane is
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
