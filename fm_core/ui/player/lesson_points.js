// Figures of runs of points that are computed from their particles, for the conclusions of lessons.
import { stateAt } from "./time.js";

/** @typedef {{ side: FM.PointsSide, t: number, index: number, run: FM.PointsRun }} Where */

/** A coordinate of a particle in a state. @param {FM.Block} x @param {number} state @param {number} particle @param {number} d */
const coordinate = ({ values, shape, scale }, state, particle, d) =>
  scale * values[(state * shape[1] + particle) * 2 + d];

/** The mean over the particles, of runs of points. @param {Where} where @param {(particle: number) => number} figure */
function average({ side: { x } }, figure) {
  if (x?.shape.length !== 3) return undefined;
  let sum = 0;
  for (let particle = 0; particle < x.shape[1]; particle++) sum += figure(particle);
  return sum / x.shape[1];
}

/** The shares of the particles that end within three standard deviations of each centre of the data.
 * @param {Where} where */
function shares({ side: { x }, run: { parts } }) {
  if (!parts || x?.shape.length !== 3) return undefined;
  const counts = parts.centres.map(() => 0);
  const last = x.shape[0] - 1;
  for (let particle = 0; particle < x.shape[1]; particle++) {
    const [a, b] = [0, 1].map((d) => coordinate(x, last, particle, d));
    const distances = parts.centres.map(([p, q]) => Math.hypot(a - p, b - q));
    const least = Math.min(...distances);
    if (least < 3 * parts.std) counts[distances.indexOf(least)]++;
  }
  return counts.map((count) => count / x.shape[1]);
}

/** @type {Record<string, (where: any) => number | undefined>} */
export const POINT_FIGURES = {
  /** The mean of all particles, to the right (.0) and upward (.1). */
  mean: (where) => {
    const { side, t, index } = where;
    return average(where, (particle) => coordinate(side.x, stateAt(side.t.values, t), particle, index));
  },
  /** The share of the particles that end further left (.0) or further down (.1) than they began. */
  back: (where) => {
    const { x } = where.side;
    const moved = (/** @type {number} */ particle) =>
      coordinate(x, x.shape[0] - 1, particle, where.index) - coordinate(x, 0, particle, where.index);
    return average(where, (particle) => Number(moved(particle) < 0));
  },
  /** The error of the network's field at a time, on a grid of its own. */
  field_error({ side, t }) {
    const values = side.field_error?.values ?? [];
    return values[Math.round(t * (values.length - 1))] ?? undefined;
  },
  /** Of data made of a few Gaussians: how many there are. */
  parts: ({ run }) => run.parts?.centres.length,
  /** How many of them are reached, by at least half as many particles as each should get. */
  reached: (where) => shares(where)?.filter((share, _, { length }) => share >= 0.5 / length).length,
  /** The smallest share of the particles that one of them gets. */
  rarest: (where) => {
    const found = shares(where);
    return found && Math.min(...found);
  },
  /** The share of the particles that reach any of them. */
  landed: (where) => shares(where)?.reduce((sum, share) => sum + share, 0),
};
