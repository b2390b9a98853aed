// Frames as an animated GIF that plays for ever.
import { applyPalette, GIFEncoder, quantize } from "./vendor/gifenc.js";

const COLOURS = 255; // and one for pixels that stay as they were
const SAMPLES = [0, 0.25, 0.5, 0.75, 1]; // times of the frames from which the palette is made
const STRIDE = 3; // of these, the pixels taken in each direction: one in this many
const REST = 1000; // milliseconds for which the last frame is shown

/** @typedef {import("./vendor/gifenc.js").Colour[]} Palette */
/** What the making of a film needs; `signal` stops it, with an AbortError.
 * @typedef {{ frames: number, milliseconds: number, progress?: (done: number) => void, signal?: AbortSignal }} Options */

/** @param {HTMLCanvasElement} canvas @param {(t: number) => void} show paints the canvas at time t
 * @param {Options} options @returns {Promise<Blob>} */
export async function encodeGif(canvas, show, { frames, milliseconds, progress, signal }) {
  /** The pixels at time t; before, the page may paint and react. @param {number} t */
  const pixelsAt = async (t) => {
    await new Promise((done) => setTimeout(done));
    signal?.throwIfAborted();
    show(t);
    return pixelsOf(canvas);
  };
  const samples = /** @type {Uint8ClampedArray[]} */ ([]);
  for (const t of SAMPLES) samples.push(await pixelsAt(t));
  const gif = createGif(canvas.width, canvas.height, paletteOf(samples, canvas.width));
  const steps = frames - 1;
  for (let k = 0; k <= steps; k++) {
    gif.add(await pixelsAt(k / steps), k < steps ? milliseconds / steps : REST);
    progress?.((k + 1) / frames);
  }
  return new Blob([gif.bytes()], { type: "image/gif" });
}

/** Frames of one palette; of each, only the pixels are stored that differ from the frame before.
 * @param {number} width @param {number} height @param {Palette} palette */
export function createGif(width, height, palette) {
  const encoder = GIFEncoder();
  const unchanged = palette.length; // the number of the colour that shows what is beneath
  let before = /** @type {Uint8Array | undefined} */ (undefined);
  return {
    /** @param {Uint8ClampedArray} pixels @param {number} delay in milliseconds */
    add(pixels, delay) {
      const index = applyPalette(pixels, palette);
      const frame = before ? { transparent: true, transparentIndex: unchanged } : { palette: [...palette, palette[0]] };
      const changes = before ? changesOf(index, before, unchanged) : index;
      encoder.writeFrame(changes, width, height, { ...frame, delay, repeat: 0, dispose: 1 });
      before = index;
    },
    /** The whole file. */
    bytes() {
      encoder.finish();
      return encoder.bytes();
    },
  };
}

/** The colours that serve all these pictures best. @param {Uint8ClampedArray[]} pictures @param {number} width
 * @returns {Palette} */
export function paletteOf(pictures, width) {
  const samples = pictures.map((pixels) => {
    const colours = new Uint32Array(pixels.buffer);
    return colours.filter((_, k) => (k % width) % STRIDE === 0 && Math.floor(k / width) % STRIDE === 0);
  });
  const all = new Uint32Array(samples.reduce((length, { length: more }) => length + more, 0));
  let offset = 0;
  for (const sample of samples) {
    all.set(sample, offset);
    offset += sample.length;
  }
  return quantize(new Uint8ClampedArray(all.buffer), COLOURS);
}

/** @param {Uint8Array} index @param {Uint8Array} before @param {number} unchanged */
function changesOf(index, before, unchanged) {
  const changes = index.slice();
  for (let k = 0; k < index.length; k++) if (index[k] === before[k]) changes[k] = unchanged;
  return changes;
}

/** @param {HTMLCanvasElement} canvas */
function pixelsOf(canvas) {
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  return context.getImageData(0, 0, canvas.width, canvas.height).data;
}
