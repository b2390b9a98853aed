import assert from "node:assert/strict";
import { test } from "node:test";
import { figuresOf } from "../../fm_core/ui/player/lesson_figures.js";

/** A side whose states are lists of images of 2 × 1 pixels, sent as half numbers, and the digits read in the last one. */
function sideOf(states, digits, more = {}) {
  const t = { values: Float32Array.from(states, (_, k) => k / (states.length - 1)) };
  const shape = [states.length, states[0].length, 2, 1];
  const x = { values: Int8Array.from(states.flat(2), (value) => 2 * value), shape, scale: 0.5 };
  const sure = (digit) => Array.from({ length: 10 }, (_, k) => (k === digit ? 200 : 5));
  const values = Uint8Array.from(
    states.flatMap((_, k) => digits.flatMap((d) => sure((d + states.length - 1 - k) % 10))),
  );
  const probabilities = { values, shape: [states.length, digits.length, 10], scale: 1 / 255 };
  return { t, x, probabilities, statistics: {}, ...more };
}

const start = [
  [0, 0],
  [0, 1],
  [2, 0],
];
const a = sideOf([start, [[0, 0], [1, 1], [3, 0]]], [7, 7, 4], { window: 11, until: 0.3, spacing: "short-first" }); // biome-ignore format: a table
const b = sideOf([start, start, [[0, 0], [4, 5], [0, 0]]], [7, 1, 4], { window: null, until: 1 }); // biome-ignore format: a table
const figures = (sides, ...names) => names.map(figuresOf({ particles: 3, sides }));

test("the ends of two runs are compared image by image, whatever their numbers of states", () => {
  const [apart, close, agreed] = figures([a, b], "median_apart", "close", "agreed");
  assert.equal(apart, Math.sqrt(9 / 2)); // of 0, 3 / √2 and 5 / √2
  assert.equal(close, 1);
  assert.equal(agreed, 2);
});

test("the variety of a run is the mean difference of its images at a time", () => {
  const [first, last] = figures([a], "variety@0", "variety");
  const root = (...squares) => squares.reduce((sum, square) => sum + Math.sqrt(square / 2), 0) / squares.length;
  assert.ok(Math.abs(first - root(1, 4, 5)) < 1e-6);
  assert.ok(Math.abs(last - root(2, 9, 5)) < 1e-6);
});

test("the digits of a run are those of its last state", () => {
  assert.deepEqual(figures([a, b], "different", "commonest.0", "commonest.1", "b.different"), [2, 7, 2, 3]);
  assert.deepEqual(figures([a, b], "window", "b.window", "until", "spacing"), [11, "whole image", 0.3, "short first"]);
});

test("the right digits of one side are those of the other", () => {
  const paired = { ...a, training: "by-class", right: { digits: [7, 7, 7], count: 2 } };
  const usual = { ...b, training: "random-pairs", right: null };
  const sevens = [a, b].map((side) => figures([side], "commonest.1")[0]);
  assert.deepEqual(figures([paired, usual], "right", "b.right"), sevens);
  assert.deepEqual(figures([usual, usual], "right", "b.right"), [undefined, undefined]);
});

test("the steepness is that of the nearest state which has one", () => {
  const side = { ...b, steepness: { states: [0, 1], values: [9, 2] } };
  assert.deepEqual(figures([side], "steepness@0", "steepness@0.2", "steepness@0.4", "steepness"), [9, 9, 2, 2]);
  assert.deepEqual(figures([b], "steepness@0"), [undefined]);
});

test("what a run does not have is no figure", () => {
  assert.deepEqual(figures([a], "median_apart", "close", "agreed"), [undefined, undefined, undefined]);
  const { probabilities, ...unread } = a;
  assert.deepEqual(figures([unread, b], "agreed", "different", "commonest"), [undefined, undefined, undefined]);
  const points = { ...a, x: { ...a.x, shape: [2, 3, 2] } };
  assert.deepEqual(figures([points, points], "median_apart", "variety"), [undefined, undefined]);
});
