// Figures of runs of images that are computed from their pixels and readings, for the conclusions of lessons.
import { stateAt } from "./time.js";

/** @typedef {{ side: FM.ImageSide, t: number, index: number, run: FM.ImagesRun }} Where */

const CLOSE = 0.3; // only one in twenty digits of the test set is so near to one of the 2,000 training digits

/** The digits that the classifier reads in the last predicted ends; undefined without a reading. @param {FM.ImageSide} side */
function digitsOf({ probabilities }) {
  if (!probabilities) return undefined;
  const { values, shape } = probabilities;
  const [states, count, digits] = shape;
  return Array.from({ length: count }, (_, image) => {
    const from = ((states - 1) * count + image) * digits;
    const chances = [...values.subarray(from, from + digits)];
    return chances.indexOf(Math.max(...chances));
  });
}

/** The root mean square difference of two images, each in a state of a side.
 * @param {FM.Block} a @param {number} from @param {FM.Block} b @param {number} to the first pixels */
function difference(a, from, b, to, pixels = 784) {
  let sum = 0;
  for (let i = 0; i < pixels; i++) sum += (a.scale * a.values[from + i] - b.scale * b.values[to + i]) ** 2;
  return Math.sqrt(sum / pixels);
}

/** How many pixels come before an image of a state. @param {FM.Block} x @param {number} state @param {number} image */
const placeOf = ({ shape: [, count, height, width] }, state, image) => (state * count + image) * height * width;

/** @param {FM.Block} x */
const pixelsOf = ({ shape: [, , height, width] }) => height * width;

/** Of each image, how far apart the two runs end; undefined for other runs. @param {Where} where */
function differences({ run: { sides } }) {
  const [a, b] = sides.map(({ x }) => x);
  if (a?.shape.length !== 4 || !b) return undefined;
  const ends = [a, b].map(({ shape }) => shape[0] - 1);
  return Array.from({ length: a.shape[1] }, (_, image) =>
    difference(a, placeOf(a, ends[0], image), b, placeOf(b, ends[1], image), pixelsOf(a)),
  );
}

/** @param {number[]} values */
function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(values.length - 1) >> 1] + sorted[values.length >> 1]) / 2;
}

/** @param {number[]} values */
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** The mean difference of all pairs of a side's images in the state at a time. @param {Where} where */
function variety({ side: { x, t: times }, t }) {
  if (x?.shape.length !== 4) return undefined;
  const [state, count] = [stateAt(times.values, t), x.shape[1]];
  const found = [];
  for (let i = 0; i < count; i++)
    for (let j = 0; j < i; j++) found.push(difference(x, placeOf(x, state, i), x, placeOf(x, state, j), pixelsOf(x)));
  return mean(found);
}

/** How often each digit is read at the end. @param {Where} where */
function counts({ side }) {
  const digits = digitsOf(side);
  return digits && Array.from({ length: 10 }, (_, digit) => digits.filter((read) => read === digit).length);
}

/** @type {Record<string, (where: any) => number | string | undefined>} */
export const IMAGE_FIGURES = {
  /** Of two runs from the same starts: how far apart their ends are, in the median over the images. */
  median_apart: (where) => {
    const found = differences(where);
    return found && median(found);
  },
  /** How many images end closer than 0.3 in both. */
  close: (where) => differences(where)?.filter((value) => value < CLOSE).length,
  /** How many are read as the same digit at both ends. */
  agreed: (/** @type {Where} */ { run: { sides } }) => {
    const [a, b] = sides.map(digitsOf);
    return a && b && a.filter((digit, image) => digit === b[image]).length;
  },
  /** How many end as the digit of their class, which the side that was trained with pairs of one class tells. */
  right: (/** @type {Where} */ { side, run: { sides } }) => {
    const classes = sides.map(({ right }) => right?.digits).find(Boolean);
    return classes && digitsOf(side)?.filter((digit, image) => digit === classes[image]).length;
  },
  /** The mean difference of two images of a run, at a time. */
  variety,
  /** How many different digits are read; which is read most often (.0), and in how many images (.1). */
  different: (where) => counts(where)?.filter(Boolean).length,
  commonest: (where) => {
    const found = counts(where);
    const most = found && Math.max(...found);
    return most && (where.index ? most : found.indexOf(most));
  },
  /** How far the ends are from the nearest training digits, on average, and digits of the test set. */
  nearest: ({ side: { nearest } }) => nearest && mean(nearest.distances),
  usual: ({ side: { nearest } }) => nearest?.usual,
  /** How steep the field is, at the state nearest to a time of those where it was measured, which comes late. */
  steepness: (/** @type {Where} */ { side: { steepness, t: times }, t }) => {
    const gaps = steepness?.states.map((state) => Math.abs(times.values[state] - t)) ?? [];
    return steepness?.values[gaps.indexOf(Math.min(...gaps))];
  },
  window: ({ side: { window } }) => (window === null ? "whole image" : window),
  until: ({ side: { until } }) => until,
  spacing: ({ side: { spacing } }) => spacing?.replace("-", " "),
};
