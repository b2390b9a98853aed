import assert from "node:assert/strict";
import { test } from "node:test";
import { figuresOf } from "../../fm_core/ui/player/lesson_figures.js";

const t = { values: Float32Array.from([0, 0.75, 1]) };
/** @param {number[]} values in halves @param {object} more */
const points = (values, more) => ({
  ...{ t, statistics: {}, ...more },
  x: { values: Int16Array.from(values), shape: [3, 2, 2], scale: 0.5 },
});
/** Images read as these digits at the end, and as 0 before, with a probability of 200 of 255. @param {number[]} digits */
function images(digits) {
  const read = [0, 1, 2].flatMap((state) =>
    digits.flatMap((digit) => Array.from({ length: 10 }, (_, k) => (k === (state === 2 ? digit : 0) ? 200 : 5))),
  );
  return {
    t,
    statistics: {},
    probabilities: { values: Uint8Array.from(read), shape: [3, digits.length, 10], scale: 1 / 255 },
  };
}

test("the ends of the same points are so far apart, whatever lies between", () => {
  const sides = [
    points([0, 0, 0, 0, 9, 9, 9, 9, 0, 0, 2, 2], { noise: 0, drift: "corrected" }),
    points([0, 0, 0, 0, -9, 9, 0, 9, 6, 8, 2, 6], { noise: 1.5, drift: "uncorrected" }),
  ];
  const figure = figuresOf({ kind: "points", particles: 2, sides });
  assert.deepEqual(["apart", "b.apart", "last"].map(figure), [0, (5 + 2) / 2, 0.25]);
  assert.deepEqual(["noise", "b.noise", "drift", "b.drift"].map(figure), [0, 1.5, "corrected", "uncorrected"]);
  assert.equal(figure("b.changed"), undefined);
});

test("images are counted that are read as another digit at the end", () => {
  const figure = figuresOf({ kind: "digits", particles: 3, sides: [images([1, 2, 3]), images([1, 7, 0])] });
  assert.deepEqual(["changed", "b.changed", "b.apart"].map(figure), [0, 2, undefined]);
  const unread = figuresOf({ kind: "digits", particles: 3, sides: [images([1, 2, 3]), { t, statistics: {} }] });
  assert.equal(unread("b.changed"), undefined);
});
