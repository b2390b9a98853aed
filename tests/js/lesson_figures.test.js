import assert from "node:assert/strict";
import { test } from "node:test";
import { conclude, evaluate, figuresOf } from "../../fm_core/ui/player/lesson_figures.js";

/** A run of one side with four steps, whose figures are made up. */
const SIDE = {
  steps: 4,
  nfe: 8,
  schedule: "linear",
  solver_title: "Heun",
  milliseconds: 12.5,
  t: { values: Float32Array.from([0, 0.25, 0.5, 0.75, 1]) },
  statistics: {
    variance: [
      [1, 0.7, 0.5, 0.6, 0.9],
      [1, 2, 3, 4, 5],
    ],
    straightness: [1, 1, 0.9, 0.8, 0.75],
  },
  theory: { t: [0, 0.5, 1], values: [[1, 0.5, 1]], errors: [[0.01, 0.02, 0.03]] },
};
const RUN = { particles: 2000, source: "noise", target: "Moons", sides: [SIDE, { ...SIDE, steps: 100 }] };
const figure = figuresOf(RUN);

test("figures are those of a side at the state nearest to a time", () => {
  const found = ["variance", "variance@0.5", "variance@0.6", "variance@0.64", "variance.1@0", "t@0.6", "lowest"];
  assert.deepEqual(found.map(figure), [0.9, 0.5, 0.5, 0.6, 1, 0.5, 0.5]);
  assert.deepEqual(["steps", "b.steps", "a.steps", "particles", "schedule"].map(figure), [4, 100, 4, 2000, "linear"]);
  assert.deepEqual(["theory@0.5", "chance@0.5", "chance"].map(figure), [0.5, 0.04, 0.06]);
});

test("figures that are not there yet, or never, are not known", () => {
  for (const name of ["distance", "far", "magic", "c.steps", "constructor", "norm@0.5", "b.distance"])
    assert.equal(figure(name), undefined, name);
  assert.equal(figuresOf(null)("steps"), undefined);
  assert.equal(figuresOf(null, { "mnist-linear.fd@20": 9.4 })("mnist-linear.fd@20"), 9.4);
});

const VALUES = { x: 3, y: 4, "a-b.c@2": 10, name: "linear" };
const lookup = (name) => VALUES[name];
for (const [text, value] of [
  ["1 + 2 * x", 7],
  ["(1 + 2) * x", 9],
  ["x - y - 1", -2],
  ["x / y / 2", 0.375],
  ["a-b.c@2 - 1", 9],
  ["abs(x - y)", 1],
  ["sqrt(x * x + y * y)", 5],
  ["x < y", true],
  ["x >= y", false],
  ["x < y and y < 5", true],
  ["x < y and y > 5", false],
  ["name == 'linear'", true],
  ["name != 'linear'", false],
  ["round(10 / x)", 3],
  ["z + 1", undefined],
  ["abs(z) < 1", undefined],
  ["x < y and z < 1", undefined],
])
  test(`${text} is ${value}`, () => assert.equal(evaluate(text, lookup), value));

for (const text of ["", "x +", "(x", "x y", "x)", "x # y", "abs x"])
  test(`“${text}” is no expression`, () => assert.throws(() => evaluate(text, lookup), Error));

test("a conclusion says what holds, with its figures", () => {
  const cases = [
    { say: "{particles} points, {steps} steps: {variance@0.5:3}", when: "" },
    { say: "fewer than {b.steps}", when: "steps < b.steps" },
    { say: "never", when: "steps > b.steps" },
    { say: "{straightness:1%} and {straightness:%}", when: "schedule == 'linear'" },
    { say: "not known: {distance}", when: "" },
    { say: "nor this", when: "distance > 1" },
  ];
  assert.deepEqual(conclude(cases, figure), [
    "<b>2,000</b> points, <b>4</b> steps: <b>0.500</b>",
    "fewer than <b>100</b>",
    "<b>75.0 %</b> and <b>75 %</b>",
  ]);
});

test("figures below zero have a minus, and a nought never has", () => {
  const known = { a: -0.9949, b: -0.0001, c: -2, d: -0.0004 };
  const [said] = conclude([{ say: "{a:2} {b:2} {c} {d:1%}", when: "" }], (name) => known[name]);
  assert.equal(said, "<b>−0.99</b> <b>0.00</b> <b>−2</b> <b>0.0 %</b>");
});
