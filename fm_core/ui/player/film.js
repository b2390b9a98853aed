// A run from t = 0 to t = 1 as a film, in one of two kinds of file.
import { encodeGif } from "./gif.js";
import { record } from "./record.js";
import { createSheet } from "./sheet.js";

/** How each kind is made, and how wide it is at most, in pixels. */
const KINDS = { gif: { encode: encodeGif, widest: 800 }, video: { encode: record, widest: 1280 } };

/** `restore` puts the canvases back after each frame, so that the player goes on unharmed.
 * @typedef {import("./gif.js").Options & { restore?: () => void }} Options */

/** @param {"gif" | "video"} kind @param {(t: number) => void} draw redraws the canvases at time t, synchronously
 * @param {HTMLCanvasElement[]} canvases @param {import("./sheet.js").Words} words @param {Options} options
 * @returns {Promise<Blob>} */
export function film(kind, draw, canvases, words, options) {
  const { encode, widest } = KINDS[kind];
  const sheet = createSheet(canvases, { ...words, time: 0 }, widest);
  const show = (/** @type {number} */ t) => {
    draw(t);
    sheet.paint(t);
    options.restore?.();
  };
  return encode(sheet.canvas, show, options);
}
