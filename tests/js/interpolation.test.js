import assert from "node:assert/strict";
import { test } from "node:test";
import { fieldAt } from "../../fm_core/ui/player/field.js";
import { paintImage } from "../../fm_core/ui/player/grid.js";
import { groupByDirection, positionAt, strokePaths } from "../../fm_core/ui/player/particles.js";
import { probabilitiesAt } from "../../fm_core/ui/player/strip.js";

const block = (values, shape, scale) => ({ values, shape, scale });
const times = block(Float32Array.of(0, 0.25, 1), [3], 1); // unequal steps
const x = block(Int16Array.of(0, 0, 10, 20, 40, 80, 10, 20, 0, 0, 30, 40), [3, 2, 2], 0.5);
const side = { t: times, x };

test("a particle moves in a straight line between two states", () => {
  assert.deepEqual(positionAt(side, 0, 0), [0, 0]);
  assert.deepEqual(positionAt(side, 0, 0.125), [10, 20]);
  assert.deepEqual(positionAt(side, 0, 0.25), [20, 40]);
  assert.deepEqual(positionAt(side, 0, 0.625), [10, 20]);
  assert.deepEqual(positionAt(side, 1, 1), [15, 20]);
});

test("a path goes through its places, upwards on the canvas", () => {
  const points = [];
  const context = { beginPath() {}, stroke() {}, moveTo: (...p) => points.push(p), lineTo: (...p) => points.push(p) };
  const places = [
    { state: 0, fraction: 0.5 },
    { state: 1, fraction: 0 },
    { state: 1, fraction: 1 },
  ];
  strokePaths(context, { side, unit: 2, x0: 100, y0: 200 }, places, 0, 1, { globalAlpha: 0.5 });
  assert.deepEqual(points, [
    [120, 160],
    [140, 120],
    [100, 200],
  ]);
  assert.equal(context.globalAlpha, 1);
});

test("particles are grouped by the direction in which they lie from the centre", () => {
  const square = block(Int16Array.of(1, 1, -1, 1, -1, -1, 1, -1), [1, 4, 2], 1);
  assert.deepEqual(groupByDirection(square, 4), [[0], [2], [4], [6]]);
});

test("a field is linear between its evenly spaced times, and the longest arrow is known", () => {
  const learned = block(Int16Array.of(0, 0, 6, 8, 12, 16), [3, 1, 1, 2], 0.5);
  const exact = block(Int16Array.of(2, 2, 2, 2, 2, 2), [3, 1, 1, 2], 1);
  const both = { fields: { learned, exact } };
  assert.deepEqual(fieldAt(both, "arrows", 0.5), { values: Float32Array.of(3, 4), longest: 5, rows: 1, columns: 1 });
  assert.deepEqual(fieldAt(both, "arrows", 0.75).values, Float32Array.of(4.5, 6));
  assert.deepEqual(fieldAt(both, "arrows", 1).values, Float32Array.of(6, 8));
  assert.deepEqual(fieldAt(both, "difference", 1).values, Float32Array.of(4, 6));
  assert.deepEqual(fieldAt(both, "exact", 1).values, Float32Array.of(2, 2));
  assert.deepEqual(fieldAt({ fields: { exact } }, "arrows", 0).values, Float32Array.of(2, 2)); // what moves the points
  assert.equal(fieldAt({ fields: { learned } }, "exact", 0), null);
  assert.equal(fieldAt({ fields: { exact } }, "difference", 0), null);
});

test("the longest arrow is that of the square in the middle, for what lies far beside the picture is seldom seen", () => {
  const row = block(Int16Array.of(0, 90, 0, 2, 0, 3, 0, 90, 0, 90, 0, 2, 0, 4, 0, 90), [2, 1, 4, 2], 1);
  assert.equal(fieldAt({ fields: { learned: row } }, "arrows", 0).longest, 3);
  assert.deepEqual(fieldAt({ fields: { learned: row } }, "arrows", 1).longest, 4);
});

const pixels = (...values) =>
  block(Int8Array.from(values.flatMap((value) => Array(784).fill(value))), [2, 1, 28, 28], 0.01);
const image = {
  t: block(Float32Array.of(0, 1), [2], 1),
  x: pixels(-24, 60),
  v: pixels(-100, 100),
  coefficients: [
    [1, 1],
    [1, 0],
  ],
};
const run = {
  scales: [
    [0.5, 1],
    [0.1, 0.5],
  ],
};
const grey = (t, view) => {
  const data = new Uint8ClampedArray(4 * 784);
  paintImage(data, run, image, 0, t, view);
  assert.deepEqual(data.slice(0, 4), data.slice(-4));
  assert.equal(data[3], 255);
  return data[0];
};

test("a pixel shows x_t in the scale of its time", () => {
  assert.equal(grey(0, "x"), Math.round(255 * (-0.24 * 1 + 0.5)));
  assert.equal(grey(0.5, "x"), Math.round(255 * (0.18 * 0.75 + 0.3)));
  assert.equal(grey(1, "x"), Math.round(255 * (0.6 * 0.5 + 0.1)));
});

test("the predicted end is a x + b v in the scale of the target", () => {
  assert.equal(grey(0, "end"), 0); // −0.24 − 1 is black
  assert.equal(grey(0.75, "end"), Math.round(255 * ((0.39 + 0.25 * 0.5) * 0.5 + 0.1)));
  assert.equal(grey(1, "end"), Math.round(255 * (0.6 * 0.5 + 0.1)));
});

test("the size of the velocity is shown up to 4", () => {
  assert.equal(grey(0, "speed"), Math.round(255 / 4));
  assert.equal(grey(0.5, "speed"), 0);
});

test("the probabilities of an image at a state", () => {
  const probabilities = block(Uint8Array.of(255, 0, 0, 255, 51, 204, 102, 153), [2, 2, 2], 1 / 255);
  assert.deepEqual(
    probabilitiesAt({ probabilities }, 1, 0).map((value) => value.toFixed(6)),
    ["0.200000", "0.800000"],
  );
  assert.deepEqual(probabilitiesAt({}, 0, 0), []);
});
