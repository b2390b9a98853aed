// The particles of one side: their positions at any time, and their paths.
import { locate } from "./time.js";

/** The place, linear between states. @param {FM.Paths} side @param {number} particle @param {number} t */
export function positionAt({ t: times, x }, particle, t) {
  const { state, fraction } = locate(times.values, t);
  const from = (state * x.shape[1] + particle) * 2;
  const to = from + x.shape[1] * 2;
  return [0, 1].map((d) => x.scale * (x.values[from + d] * (1 - fraction) + x.values[to + d] * fraction));
}

/** @param {CanvasRenderingContext2D} context @param {FM.Frame} frame @param {FM.Place[]} places
 * @param {number} first @param {number} end @param {Partial<CanvasRenderingContext2D>} style */
export function strokePaths(context, { side, unit, x0, y0 }, places, first, end, style) {
  const { values, shape, scale } = side.x;
  context.beginPath();
  for (let particle = first; particle < Math.min(end, shape[1]); particle++) {
    for (let k = 0; k < places.length; k++) {
      const { state, fraction } = places[k];
      const i = (state * shape[1] + particle) * 2;
      const j = i + shape[1] * 2;
      const x = x0 + scale * unit * (values[i] + fraction * (values[j] - values[i]));
      const y = y0 - scale * unit * (values[i + 1] + fraction * (values[j + 1] - values[i + 1]));
      if (k === 0) context.moveTo(x, y);
      else context.lineTo(x, y);
    }
  }
  Object.assign(context, style).stroke();
  context.globalAlpha = 1;
}

/** Particles' offsets, by sector around the first state's mean. @param {FM.Block} x @param {number} sectors */
export function groupByDirection({ values, shape: [, count] }, sectors) {
  const groups = Array.from({ length: sectors }, () => /** @type {number[]} */ ([]));
  const centre = [0, 0];
  for (let i = 0; i < 2 * count; i++) centre[i % 2] += values[i] / count;
  for (let i = 0; i < 2 * count; i += 2) {
    const turn = Math.atan2(values[i + 1] - centre[1], values[i] - centre[0]) / (2 * Math.PI) + 1;
    groups[Math.floor(turn * sectors) % sectors].push(i);
  }
  return groups;
}
