// What a sentence looks at: a side of a run at a time, its figures, and what it is.
import { isAlone, isNoisy } from "./noise.js";
import { stateAt } from "./time.js";

/** @typedef {"coupling" | "group" | "end" | "flow_map" | "distances" | "floor"} OfPoints */
/** @typedef {Partial<FM.PointsSide["statistics"] & FM.ImageSide["statistics"]>} Statistics */
/** @typedef {{ velocity?: string, window?: number | null, until?: number } & Partial<Pick<FM.ImageSide, "training" | "training_title" | "source_noise" | "typical" | "right">>} Field */
/** @typedef {FM.Side & Partial<Pick<FM.PointsSide, OfPoints>> & Field & { statistics: Statistics }} Side */
/** @typedef {Omit<FM.Run, "sides"> & { sides: Side[], draws?: number }} Run */
/** @typedef {ReturnType<typeof lookAt>} Look */

/** A side's figures at time t, and those of its variance in the phase and in the whole run.
 * @param {Run} run @param {Side} side @param {number} t @param {{ from: number, until: number }} phase */
export function lookAt(run, side, t, { from, until }) {
  const times = side.t.values;
  const variance = side.statistics.variance[0];
  const state = stateAt(times, t);
  const shown = variance.slice(stateAt(times, from), stateAt(times, until - 1e-6) + 1);
  const [expected, data] = ends(side.theory.values[0]);
  const source = side.typical === false ? variance[0] : expected; // theory is about clothes of all classes
  const errors = ends(side.theory.errors[0]);
  const [low, error] = source < data ? [source, errors[0]] : [data, errors[1]];
  return { run, side, state, now: variance[state], variance, shown, source, data, low, error, lastError: errors[1] };
}

/** @template T @param {readonly T[]} values */
export const last = (values) => values[values.length - 1];
/** @param {number[]} values */
export const ends = (values) => [values[0], last(values)];
/** @param {Side} side */
export const distanceOf = ({ distances }) => (distances ? last(distances.values) : 0);
/** How far apart learned and exact flow end, of the side that has it. @param {Run} run */
export const mapErrorOf = ({ sides }) => sides.find((side) => side.flow_map)?.flow_map;

/** Narrower than source and data in the whole phase. @param {Look} look */
export const dips = ({ shown, low, error }) => Math.max(...shown) < low - 2 * error;

/** At no state narrower than source and data, nor than start and end. @param {Look} look */
export const isDipless = ({ variance, low, error }) =>
  Math.min(...variance) > Math.max(0.95 * Math.min(...ends(variance)), 0.9 * low - 2 * error);

/** The figure by which a run does not end at the data, if it does not: the flow-map error, which with noise is that of
 * single random paths and says little of the crowd, W2, which counts only where it is large, because that of 256
 * particles reaches 1.6 times the floor by chance, or the variance. @param {Look} look */
export function missOf({ variance, data, lastError, side }) {
  if (!isNoisy(side) && (side.flow_map?.far ?? 0) >= 0.3) return "far";
  if (distanceOf(side) >= 1.8 * (side.floor ?? 1)) return "distance";
  return Math.abs(last(variance) - data) < Math.max(0.1 * data, 4 * lastError) ? "" : "variance";
}

/** @param {Look} look */
export const fits = (look) => missOf(look) === "";
/** Whether figures that take longer are still to come. @param {Run} run */
export const isUnmeasured = ({ kind, sides }) => kind === "points" && sides.some(({ distances }) => !distances);

/** Variance at the end of the exact field's run from the same noise, if it is known. @param {Side} side */
export const exactEnd = ({ velocity, statistics: { exact, variance } }) =>
  velocity === "exact" ? last(variance[0]) : last(exact?.[0] ?? []);
/** Whether noisy steps miss the data's variance, and on the exact field nearly as much. @param {Look} look */
export const isCoarse = (look) =>
  isNoisy(look.side) &&
  missOf(look) === "variance" &&
  (exactEnd(look.side) - look.data) / (last(look.variance) - look.data) > 0.75;
/** Whether noise alone makes the cloud too wide, even on the exact field. @param {Look} look */
export const isWidened = ({ side, data, lastError }) =>
  isAlone(side) && exactEnd(side) - data > Math.max(0.1 * data, 4 * lastError);

/** @param {Side} side */
export const isRelu = ({ velocity }) => velocity === "relu-output";
/** @param {Side} side */
export const isExact = ({ velocity }) => velocity === "exact";
/** @param {Side} side */
export const isForOneStep = ({ velocity }) => velocity === "one-step";
/** Whether all points end almost in one place, after one step. @param {Look} look */
export const isCollapsed = ({ side, variance, data }) => side.steps === 1 && last(variance) < 0.05 * data;
/** Whether the formula of the perfect network moves digits, at least at first. @param {Side} side */
export const isPerfect = ({ velocity, until = 1 }) => velocity === "perfect" && until > 0;
/** @param {Side} side */
export const isPairs = ({ velocity }) => velocity === "pairs";
/** Whether the path of pairs does not end at the data. @param {Side} side */
export const isStray = ({ end: [alpha, beta] = [0, 1] }) => Math.max(Math.abs(alpha), Math.abs(1 - beta)) >= 0.005;
/** @param {Run} run */
export const isNoise = ({ source }) => /^N\(|noise/.test(source);
/** @param {Run} run */
export const isTranslation = ({ kind }) => kind === "translation";
/** Whether the classifier reads the images. @param {Run} run */
export const isRead = ({ sides }) => sides.every(({ statistics }) => statistics.confidence?.length);
