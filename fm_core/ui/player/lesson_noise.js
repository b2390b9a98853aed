// Figures of runs with noise on the way, for the conclusions of lessons: against side A, which starts alike.
import { probabilitiesAt } from "./strip.js";

/** @typedef {{ side: any, run: FM.Run }} Where */

/** The place of a particle at the end. @param {FM.Block} x @param {number} particle */
function endOf({ values, shape, scale }, particle) {
  const from = ((shape[0] - 1) * shape[1] + particle) * 2;
  return [scale * values[from], scale * values[from + 1]];
}

/** The digit that an image is read as at the end. @param {FM.ImageSide} side @param {number} index */
function digitOf(side, index) {
  const chances = probabilitiesAt(side, side.t.values.length - 1, index);
  return chances.indexOf(Math.max(...chances));
}

/** The mean over the particles or images. @param {FM.Run} run @param {(index: number) => number} figure */
const average = ({ particles }, figure) =>
  Array.from({ length: particles }, (_, index) => figure(index)).reduce((sum, value) => sum + value, 0) / particles;

/** @type {Record<string, (where: Where) => number | string | undefined>} */
export const NOISE_FIGURES = {
  /** η and the kind of drift. */
  noise: ({ side }) => side.noise,
  drift: ({ side }) => side.drift,
  /** How far a point ends from where it does in side A, on average. */
  apart({ side, run }) {
    const first = /** @type {any} */ (run.sides[0]);
    if (run.kind !== "points" || !side.x || !first.x) return undefined;
    return average(run, (particle) => {
      const [[a, b], [c, d]] = [endOf(side.x, particle), endOf(first.x, particle)];
      return Math.hypot(a - c, b - d);
    });
  },
  /** How many images are read as another digit than in side A. */
  changed({ side, run }) {
    const first = /** @type {any} */ (run.sides[0]);
    if (!side.probabilities || !first.probabilities) return undefined;
    return Math.round(run.particles * average(run, (index) => Number(digitOf(side, index) !== digitOf(first, index))));
  },
  /** How long the last step is. */
  last: ({ side }) => 1 - side.t.values.at(-2),
};
