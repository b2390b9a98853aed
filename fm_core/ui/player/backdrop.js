// The background of the particles: the target density and the axes.
import { contextOf, make } from "./dom.js";

export function paintBackdrop(/** @type {FM.Paper} */ paper, /** @type {boolean} */ withDensity) {
  const { size, run } = paper;
  const canvas = make("canvas", { width: size, height: size });
  const context = contextOf(canvas);
  Object.assign(context, { fillStyle: paper.paper }).fillRect(0, 0, size, size);
  if (withDensity) context.drawImage(densityImage(run.density, paper.density), 0, 0, size, size);
  drawAxes(context, paper);
  return canvas;
}

/** A small canvas, opaque where the density is high. @param {FM.Block} density @param {number[]} colour */
function densityImage({ values, shape: [height, width] }, colour) {
  const image = new ImageData(width, height);
  for (let i = 0; i < values.length; i++) {
    const row = height - 1 - Math.floor(i / width); // the data begin with the bottom row
    image.data.set([...colour, 0.55 * values[i]], (row * width + (i % width)) * 4);
  }
  const canvas = make("canvas", { width, height });
  contextOf(canvas).putImageData(image, 0, 0);
  return canvas;
}

/** @param {CanvasRenderingContext2D} context @param {FM.Paper} paper */
function drawAxes(context, { run, size, ratio, unit, x0, y0, line, soft }) {
  const [low, high] = run.window;
  Object.assign(context, { strokeStyle: line, fillStyle: soft, lineWidth: ratio * 0.5 });
  context.font = `${10 * ratio}px sans-serif`;
  context.beginPath();
  for (const d of [0, 1]) {
    for (let tick = Math.ceil(low[d] / 2) * 2; tick < high[d]; tick += 2) {
      const [x, y] = d ? [0, y0 - tick * unit] : [x0 + tick * unit, size];
      context.moveTo(x, y);
      context.lineTo(d ? size : x, d ? y : 0);
      context.fillText(String(tick), x + (d ? 4 : 3) * ratio, y - (d ? 3 : 4) * ratio);
    }
  }
  context.stroke();
}
