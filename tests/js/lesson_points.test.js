import assert from "node:assert/strict";
import { test } from "node:test";
import { figuresOf } from "../../fm_core/ui/player/lesson_figures.js";

/** A run of points of one side with these states, each a list of [x, y]; positions are sent as half numbers. */
function runOf(states, parts = null, shape = [states.length, states[0].length, 2]) {
  const t = { values: Float32Array.from(states, (_, k) => k / (states.length - 1)) };
  const x = { values: Int16Array.from(states.flat(2), (value) => 2 * value), shape, scale: 0.5 };
  return { particles: states[0].length, parts, sides: [{ t, x, statistics: {} }] };
}

const figures = (run, ...names) => names.map(figuresOf(run));

test("the mean of the particles is that of a state, in each direction", () => {
  const states = [
    [
      [0, 0],
      [2, 4],
    ],
    [
      [5, 5],
      [5, 5],
    ],
    [
      [1, -1],
      [2, 0],
    ],
  ];
  assert.deepEqual(
    figures(runOf(states), "mean.0@0", "mean.1@0", "mean.1@0.5", "mean.0", "mean.1"),
    [1, 2, 5, 1.5, -0.5],
  );
});

test("a particle is back that ends further left or down than it began, wherever it was in between", () => {
  const states = [
    [
      [0, 0],
      [0, 0],
      [0, 0],
      [0, 0],
    ],
    [
      [-9, 9],
      [9, -9],
      [0, 0],
      [0, 0],
    ],
    [
      [1, 1],
      [-1, 1],
      [0, 0],
      [2, -2],
    ],
  ];
  assert.deepEqual(figures(runOf(states), "back.0", "back.1"), [0.25, 0.25]);
});

test("groups are reached by half of the particles that each should get, within three standard deviations", () => {
  const parts = {
    centres: [
      [0, 0],
      [10, 0],
    ],
    std: 0.5,
  };
  const ends = [
    [0, 0],
    [1, 1],
    [0, 1],
    [0, -1],
    [10, 1],
    [10, 1.5],
    [5, 5],
    [10, 9],
  ];
  const run = runOf([ends.map(() => [0, 0]), ends], parts);
  assert.deepEqual(figures(run, "parts", "reached", "rarest", "landed"), [2, 1, 0.125, 0.625]);
  const other = runOf([ends, ends.with(5, [10, 0])], parts);
  assert.deepEqual(figures(other, "reached", "rarest", "landed"), [2, 0.25, 0.75]);
});

test("what a run does not have is not known: groups of other data, and places of images", () => {
  const run = runOf([[[0, 0]], [[1, 1]]]);
  assert.deepEqual(figures(run, "parts", "reached", "rarest", "landed"), Array(4).fill(undefined));
  const images = runOf([[[0, 0]], [[1, 1]]], null, [2, 1, 1, 2]);
  assert.deepEqual(figures(images, "mean.0", "back.1", "reached"), Array(3).fill(undefined));
});

test("figures of pairs are those of their statistics", () => {
  const run = runOf([[[0, 0]], [[1, 1]]]);
  Object.assign(run.sides[0], { group: 8, statistics: { distance2: 1.5, crossing: 0.25 } });
  assert.deepEqual(figures(run, "distance2", "crossing", "group"), [1.5, 0.25, 8]);
  run.sides[0].group = null;
  assert.deepEqual(figures(run, "group"), [undefined]);
});

test("the field error is that of its own times, and none where the exact field rests", () => {
  const run = runOf([[[0, 0]], [[1, 1]]]);
  assert.deepEqual(figures(run, "field_error@0.5"), [undefined]);
  run.sides[0].field_error = { t: [0, 0.25, 0.5, 0.75, 1], values: [0.1, 0.2, 0.3, 0.4, null] };
  assert.deepEqual(figures(run, "field_error@0.5", "field_error@0.2", "field_error"), [0.3, 0.2, undefined]);
});
