// The canvas of one side at any time t: target density, arrows, paths and particles.
import { paintBackdrop } from "./backdrop.js";
import { coloursOf, contextOf, find, fit, make } from "./dom.js";
import { drawArrows, fieldAt } from "./field.js";
import { groupByDirection, positionAt, strokePaths } from "./particles.js";
import { probeOn } from "./probe_picture.js";
import { locate, placesBetween } from "./time.js";

const COLOURS = 24; // particles are coloured by their initial direction from the mean
const TRAIL = { time: 0.15, points: 8, particles: 500 };
const WHOLE_PATHS = 250;
const REACH = 16; // pixels within which a click finds a particle
/** @type {[string, string, number][]} layer, colour and opacity */
const FIELDS = [
  ["arrows", "soft", 0.5],
  ["exact", "exact", 0.75],
  ["difference", "difference", 0.9],
];

/** @type {FM.Scene<FM.PointsRun>["picture"]} */
export function createPanel(figure, run, index) {
  const paper = paperOf(figure, run, index);
  const { context, side, width, height, ink, weight } = paper;
  const groups = groupByDirection(side.x, COLOURS);
  const wholePaths = placesBetween(side.t.values, 0, 1);
  const layers = /** @type {{ backdrop?: HTMLCanvasElement, paths?: HTMLCanvasElement }} */ ({});
  const faint = { strokeStyle: ink, globalAlpha: 0.35 };
  const paintPaths = () => {
    const canvas = make("canvas", { width, height });
    strokePaths(contextOf(canvas), paper, wholePaths, 0, WHOLE_PATHS, { ...faint, lineWidth: 0.6 * weight });
    return canvas;
  };

  return {
    draw(t, options, selected) {
      const shown = new Set(options.layers);
      layers.backdrop ??= paintBackdrop(paper, shown.has("density"));
      context.drawImage(layers.backdrop, 0, 0);
      for (const [layer, colour, opacity] of FIELDS) {
        const field = shown.has(layer) && fieldAt(side, layer, t);
        if (field) drawArrows(paper, field, { strokeStyle: paper.of(colour), globalAlpha: opacity, lineWidth: weight });
      }
      if (shown.has("paths")) {
        layers.paths ??= paintPaths();
        context.drawImage(layers.paths, 0, 0);
      }
      if (shown.has("trails") && t > 0) {
        const places = placesBetween(side.t.values, Math.max(0, t - TRAIL.time), t, TRAIL.points);
        strokePaths(context, paper, places, 0, TRAIL.particles, { ...faint, lineWidth: 0.7 * weight });
      }
      if (shown.has("particles")) drawParticles(paper, groups, t);
      if (selected !== null) drawSelected(paper, wholePaths, selected, t);
    },
    nearest: (event, t) => nearest(paper, event, t),
    ...probeOn(paper),
  };
}

/** @param {HTMLElement} figure @param {FM.PointsRun} run @param {number} index @returns {FM.Paper} */
function paperOf(figure, run, index) {
  const of = coloursOf(figure);
  const [ink, soft, line, paper, light, accent] = ["ink", "soft", "line", "paper", "light", "ab"[index]].map(of);
  const density = of("density").split(" ").map(Number);
  // A cyclic map of even lightness: equal steps of hue in a perceptual space.
  const particles = Array.from({ length: COLOURS }, (_, k) => `oklch(${light} 0.13 ${(360 * k) / COLOURS})`);
  const canvas = find(figure, "canvas", HTMLCanvasElement);
  fit(canvas);
  const { width, height } = canvas;
  const [low, high] = run.window;
  const unit = Math.min(width / (high[0] - low[0]), height / (high[1] - low[1]));
  const ratio = window.devicePixelRatio || 1;
  const middle = [0, 1].map((d) => (low[d] + high[d]) / 2);
  const map = { width, height, unit, ratio, x0: width / 2 - middle[0] * unit, y0: height / 2 + middle[1] * unit };
  const palette = { ink, soft, line, paper, accent, density, particles, of, weight: ratio * Number(of("weight") || 1) };
  return { run, side: run.sides[index], canvas, context: contextOf(canvas), ...map, ...palette };
}

/** @param {FM.Paper} paper @param {number[][]} groups @param {number} t */
function drawParticles({ context, side, weight, width, height, unit, x0, y0, particles }, groups, t) {
  const { values, shape, scale } = side.x;
  const { state, fraction } = locate(side.t.values, t);
  const before = state * shape[1] * 2;
  const after = before + shape[1] * 2;
  const size = weight * (shape[1] > 2500 || Math.min(width, height) < 300 * weight ? 2 : 2.8);
  const [left, top, step] = [x0 - size / 2, y0 - size / 2, scale * unit];
  for (let k = 0; k < COLOURS; k++) {
    context.fillStyle = particles[k];
    for (const i of groups[k]) {
      const x = values[before + i] + fraction * (values[after + i] - values[before + i]);
      const y = values[before + i + 1] + fraction * (values[after + i + 1] - values[before + i + 1]);
      context.fillRect(left + step * x, top - step * y, size, size);
    }
  }
}

/** @param {FM.Paper} paper @param {FM.Place[]} places @param {number} particle @param {number} t */
function drawSelected(paper, places, particle, t) {
  const { context, side, weight, unit, x0, y0, accent, ink } = paper;
  strokePaths(context, paper, places, particle, particle + 1, { strokeStyle: accent, lineWidth: 2 * weight });
  for (const time of [...side.t.values, t]) {
    const [x, y] = positionAt(side, particle, time);
    const now = time === t;
    context.fillStyle = now ? ink : accent;
    context.beginPath();
    context.arc(x0 + x * unit, y0 - y * unit, (now ? 5 : 2.2) * weight, 0, 2 * Math.PI);
    context.fill();
  }
}

/** The particle nearest to a pointer event, or null. @param {FM.Paper} paper @param {MouseEvent} event @param {number} t */
function nearest({ run, side, canvas, width, ratio, unit, x0, y0 }, event, t) {
  const box = canvas.getBoundingClientRect();
  const [x, y] = [event.clientX - box.left, event.clientY - box.top].map((pixels) => (pixels * width) / box.width);
  let best = null;
  let closest = REACH * ratio;
  for (let particle = 0; particle < run.particles; particle++) {
    const [px, py] = positionAt(side, particle, t);
    const distance = Math.hypot(x0 + px * unit - x, y0 - py * unit - y);
    if (distance < closest) [best, closest] = [particle, distance];
  }
  return best;
}
