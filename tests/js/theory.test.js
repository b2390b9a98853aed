import assert from "node:assert/strict";
import { test } from "node:test";
import { theoryLines } from "../../fm_core/ui/player/theory.js";

test("the theory has its own times, and a band of two standard errors to either side", () => {
  const theory = {
    t: [0, 0.5, 1],
    values: [[], [1, 0.5, 2]],
    errors: [[], [0.1, 0.01, 0.2]],
  };
  const [low, high, middle] = theoryLines(theory, 1, " x₁", (name, x, y) => ({ name, x, y }));
  assert.deepEqual(low.y, [0.8, 0.48, 1.6]);
  assert.deepEqual(high.y, [1.2, 0.52, 2.4]);
  assert.deepEqual(middle, { name: "theory x₁", x: theory.t, y: theory.values[1] });
});
