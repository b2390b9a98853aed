// The background of the particles: the target density and the axes.
import { contextOf, make } from "./dom.js";

export function paintBackdrop(/** @type {FM.Paper} */ paper, /** @type {boolean} */ withDensity) {
  const { width, height, run } = paper;
  const canvas = make("canvas", { width, height });
  const context = contextOf(canvas);
  Object.assign(context, { fillStyle: paper.paper }).fillRect(0, 0, width, height);
  if (withDensity) {
    const [[left, bottom], [right, top]] = run.window;
    const { x0, y0, unit } = paper;
    const image = densityImage(run.density, paper.density);
    context.drawImage(image, x0 + left * unit, y0 - top * unit, (right - left) * unit, (top - bottom) * unit);
  }
  drawAxes(context, paper);
  return canvas;
}

/** A small canvas, opaque where the density is high. @param {FM.Block} density @param {number[]} colour */
function densityImage({ values, shape: [height, width] }, colour) {
  const image = new ImageData(width, height);
  for (let i = 0; i < values.length; i++) {
    const row = height - 1 - Math.floor(i / width); // the data begin with the bottom row
    image.data.set([...colour, 0.4 * values[i]], (row * width + (i % width)) * 4);
  }
  const canvas = make("canvas", { width, height });
  contextOf(canvas).putImageData(image, 0, 0);
  return canvas;
}

/** @param {CanvasRenderingContext2D} context @param {FM.Paper} paper */
function drawAxes(context, { width, height, ratio, unit, x0, y0, line, soft }) {
  Object.assign(context, { strokeStyle: line, fillStyle: soft, lineWidth: ratio * 0.5 });
  context.font = `${11 * ratio}px sans-serif`;
  context.beginPath();
  const [first, last] = [0, width].map((x) => Math.ceil((x - x0) / unit / 2) * 2);
  for (let tick = first; tick < last; tick += 2) {
    context.moveTo(x0 + tick * unit, 0);
    context.lineTo(x0 + tick * unit, height);
    context.fillText(String(tick), x0 + (tick * unit + 3 * ratio), height - 4 * ratio);
  }
  for (let tick = Math.ceil((y0 - height) / unit / 2) * 2; tick < y0 / unit; tick += 2) {
    context.moveTo(0, y0 - tick * unit);
    context.lineTo(width, y0 - tick * unit);
  }
  context.stroke();
}
