// Figures of a probe, for the conclusions of lessons: {probe.angle}, and of side B {b.probe.angle}.
import { errorOf } from "./probe_words.js";

/** @typedef {Record<string, number>} Figures */
/** What the player's probe knows. @typedef {{ at: number[] | null, found: FM.Probed | null, flow: FM.ProbedFlow | null }} Known */

/** By name; a pair of numbers is {probe.exact.0} and {probe.exact.1}. @param {Known} probe @returns {Figures} */
export function probeFigures({ at, found, flow }) {
  if (!at) return { "probe.open": 0 };
  if (!found) return {};
  const all = found.sides.flatMap((side, k) => {
    const figures = {
      ...named({ open: 1, x: found.x, t: found.t }),
      ...figuresOf(side, found.x),
      ...wayOf(flow?.sides[k]),
    };
    const names = k ? ["b."] : ["a.", ""];
    return names.flatMap((end) => Object.entries(figures).map(([name, value]) => [`${end}probe.${name}`, value]));
  });
  return Object.fromEntries(all);
}

/** Figures by name, without what is not known. @param {Record<string, ArrayLike<number> | number | null | undefined>} values
 * @returns {Figures} */
function named(values) {
  const known = Object.entries(values).flatMap(([name, value]) => {
    if (value === null || value === undefined) return [];
    if (typeof value === "number") return [[name, value]];
    return Array.from(value, (part, d) => [`${name}.${d}`, part]);
  });
  return Object.fromEntries(known);
}

/** @param {FM.ProbedSide} side @param {number[]} x */
const figuresOf = (side, x) => ({ ...arrowsOf(side), ...pairsOf(side), ...endOf(side, x) });

/** The arrows: how long the exact one is, how far the network's is off, by which angle, and by which part it is longer.
 * @param {FM.ProbedSide} side */
function arrowsOf({ learned, exact }) {
  const error = learned && exact ? errorOf(learned, exact) : null;
  const off = learned && exact ? distance(learned, exact) : null;
  return named({ learned, exact, off, speed: exact && distance(exact, [0, 0]), ...error });
}

/** The pairs whose paths pass there: the means of their starts and ends, how far the ends scatter about theirs (spread),
 * the weighted mean of their velocities, its distance from the exact arrow (gap), how far the velocities scatter about
 * it, and how many of the groups of the data are likely. @param {FM.ProbedSide} side */
function pairsOf({ exact, x_0, x_1, coefficients, groups, pairs }) {
  if (!exact || !x_0 || !x_1 || !coefficients || !groups || !pairs) return {};
  const [alpha, beta, d_alpha, d_beta] = coefficients;
  const [weights, starts, ends] = [pairs.weights.values, pointsOf(pairs.x_0), pointsOf(pairs.x_1)];
  const velocities = starts.map((start, k) => start.map((part, d) => d_alpha * part + d_beta * ends[k][d]));
  const average = (/** @type {(k: number) => number} */ of) =>
    starts.reduce((sum, _, k) => sum + weights[k] * of(k), 0);
  const mean = [0, 1].map((d) => average((k) => velocities[k][d]));
  return named({
    ...{ alpha, beta, pairs: starts.length, likely: groups[0], groups: groups[1], starts: x_0, ends: x_1 },
    ...{ mean, gap: distance(mean, exact), scatter: Math.sqrt(average((k) => distance(velocities[k], mean) ** 2)) },
    spread: Math.sqrt(average((k) => distance(ends[k], x_1) ** 2)),
  });
}

/** The end that the arrow of the side stands for, (α v − α′ x) / (α β′ − α′ β). @param {FM.ProbedSide} side @param {number[]} x */
function endOf({ learned, exact, coefficients }, x) {
  const v = learned ?? exact;
  if (!v || !coefficients) return {};
  const [alpha, beta, d_alpha, d_beta] = coefficients;
  return named({ end: v.map((part, d) => (alpha * part - d_alpha * x[d]) / (alpha * d_beta - d_alpha * beta)) });
}

/** log p by the flow of the side and by the formula, and where a particle that is there comes from and ends.
 * @param {FM.ProbedFlow["sides"][number]} [side] */
function wayOf(side) {
  const line = side && pointsOf(side.lines.learned ?? side.lines.exact);
  return named({ log_p: side?.log_p.flow, formula: side?.log_p.closed, from: line?.[0], to: line?.at(-1) });
}

/** @param {FM.Block} [block] of points, (n, 2) */
function pointsOf({ values, shape } = { values: new Float32Array(), shape: [0, 2], scale: 1 }) {
  return Array.from({ length: shape[0] }, (_, k) => [values[2 * k], values[2 * k + 1]]);
}

/** @param {number[]} a @param {number[]} b */
const distance = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]);
