// A sheet: what a saved picture or a frame of a film shows. The sentence on top, then the sides, each under its title.
import { make } from "./dom.js";
import { wrap } from "./wrap.js";

/** `time` (t, from 0 to 1) is written at the foot, if given.
 * @typedef {{ ink: string, paper: string, soft: string, a: string, b: string }} Colours
 * @typedef {{ sentence: string, titles: string[], colours: Colours, time?: number }} Words */
/** A row of text: its lines, their height, their colour, and where it stands, in pixels.
 * @typedef {{ lines: string[], font: string, height: number, colour: string, left: number, top: number }} Text */
/** Where a canvas is drawn, in pixels. @typedef {{ left: number, top: number, width: number, height: number }} Box */

// Sizes on the screen, in CSS pixels.
const MARGIN = 16;
const GAP = 14;
const SENTENCE = { size: 20, weight: 600 };
const TITLE = { size: 13, weight: 600 };
const TIME = { size: 13, weight: 400 };
const LINE = 1.35; // height of a line over the size of its letters

/** One pixel for each of the canvases', or fewer, so that the sheet is no wider than `widest`.
 * @param {HTMLCanvasElement[]} canvases @param {Words} words @param {number} widest */
export function createSheet(canvases, words, widest = Infinity) {
  const canvas = make("canvas", {});
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
  const { width, height, texts, boxes, unit } = layout(context, canvases, words, widest);
  Object.assign(canvas, { width: even(width), height: even(height) }); // as H.264 wants it
  const { paper, soft } = words.colours;

  return {
    canvas,
    /** Paint the canvases as they are now. */
    paint(time = words.time) {
      Object.assign(context, { fillStyle: paper, strokeStyle: soft, lineWidth: unit, imageSmoothingQuality: "high" });
      context.fillRect(0, 0, canvas.width, canvas.height);
      for (const text of texts) paintText(context, text);
      for (const [index, box] of boxes.entries()) paintCanvas(context, canvases[index], box);
      if (time !== undefined) paintTime(context, time, unit, boxes, soft);
    },
  };
}

/** The PNG of the canvases as they are now. @param {HTMLCanvasElement[]} canvases @param {Words} words
 * @returns {Promise<Blob>} */
export async function picture(canvases, words) {
  const sheet = createSheet(canvases, words);
  sheet.paint();
  const blob = await new Promise((done) => sheet.canvas.toBlob(done, "image/png"));
  if (!blob) throw new Error("the browser cannot make a PNG of this size");
  return blob;
}

/** @param {CanvasRenderingContext2D} context @param {HTMLCanvasElement[]} canvases @param {Words} words
 * @param {number} widest */
function layout(context, canvases, { sentence, titles, colours, time }, widest) {
  const ratio = canvases[0].width / (canvases[0].clientWidth || canvases[0].width); // pixels for a CSS pixel
  const natural = canvases.reduce((sum, { width }) => sum + width + GAP * ratio, (2 * MARGIN - GAP) * ratio);
  const scale = Math.min(1, widest / natural);
  const unit = ratio * scale;
  const margin = Math.round(MARGIN * unit);
  const width = Math.floor(natural * scale);
  const put = textWriter(context, unit);
  const head = put(sentence, SENTENCE, colours.ink, width - 2 * margin, margin, margin);
  const below = head.lines.length ? bottom(head) + Math.round(MARGIN * 0.6 * unit) : margin;
  const [sizes, lefts] = columns(canvases, scale, margin, Math.round(GAP * unit));
  const colour = (/** @type {number} */ index) => (canvases.length > 1 ? [colours.a, colours.b][index] : colours.ink);
  const texts = sizes.map(({ width }, k) => put(titles[k] ?? "", TITLE, colour(k), width, lefts[k], below));
  const top = Math.max(below, ...texts.filter(({ lines }) => lines.length).map(bottom)) + Math.round(4 * unit);
  const boxes = sizes.map((size, k) => ({ ...size, left: lefts[k], top }));
  const foot = time === undefined ? margin : Math.round(MARGIN * 0.4 * unit + 2 * TIME.size * unit);
  const height = Math.max(...boxes.map((box) => box.top + box.height)) + foot;
  return { width, height, texts: [head, ...texts], boxes, unit };
}

/** Sizes and left edges of the canvases beside each other, in pixels. @param {HTMLCanvasElement[]} canvases
 * @param {number} scale @param {number} margin @param {number} gap
 * @returns {[{ width: number, height: number }[], number[]]} */
function columns(canvases, scale, margin, gap) {
  const sizes = canvases.map(({ width, height }) => ({
    width: Math.floor(width * scale),
    height: Math.floor(height * scale),
  }));
  return [sizes, sizes.map((_, k) => sizes.slice(0, k).reduce((left, { width }) => left + width + gap, margin))];
}

/** @param {CanvasRenderingContext2D} context @param {number} unit */
function textWriter(context, unit) {
  /** @param {string} text @param {{ size: number, weight: number }} style @param {string} colour
   * @param {number} width @param {number} left @param {number} top @returns {Text} */
  return (text, { size, weight }, colour, width, left, top) => {
    const font = `${weight} ${size * unit}px system-ui, sans-serif`;
    context.font = font;
    const lines = wrap(text, width, (line) => context.measureText(line).width);
    return { lines, font, height: Math.ceil(size * LINE * unit), colour, left, top };
  };
}

/** The time, under the right edge of the last canvas. @param {CanvasRenderingContext2D} context @param {number} time
 * @param {number} unit @param {Box[]} boxes @param {string} colour */
function paintTime(context, time, unit, boxes, colour) {
  const { left, width, top, height } = boxes[boxes.length - 1];
  const font = `${TIME.weight} ${TIME.size * unit}px system-ui, sans-serif`;
  Object.assign(context, { font, fillStyle: colour, textBaseline: "top", textAlign: "right" });
  context.fillText(`t = ${time.toFixed(3)}`, left + width, top + height + Math.round(MARGIN * 0.4 * unit));
}

/** @param {CanvasRenderingContext2D} context @param {Text} text */
function paintText(context, { lines, font, height, colour, left, top }) {
  Object.assign(context, { font, fillStyle: colour, textBaseline: "top", textAlign: "left" });
  for (const [row, line] of lines.entries()) context.fillText(line, left, top + row * height);
}

/** @param {CanvasRenderingContext2D} context @param {HTMLCanvasElement} canvas @param {Box} box */
function paintCanvas(context, canvas, { left, top, width, height }) {
  context.drawImage(canvas, left, top, width, height);
  context.globalAlpha = 0.4;
  context.strokeRect(left, top, width, height);
  context.globalAlpha = 1;
}

const bottom = (/** @type {Text} */ { top, lines, height }) => top + lines.length * height;
const even = (/** @type {number} */ size) => size + (size % 2);
