import assert from "node:assert/strict";
import { test } from "node:test";
import { inWords, limitsOf, nearest } from "../../fm_core/ui/player/numbers.js";

const noise = limitsOf({ min: "0", max: "3", step: "0.1" });
const particles = limitsOf({ min: "100", max: "5000", step: "100" });
const seed = limitsOf({ min: "0", max: "2147483647", step: "1" });

test("a number with decimals becomes the nearest multiple of the step within the limits", () => {
  const given = [0.17, 0.12, -1, 7, 2.96, 0.3, Number.NaN];
  assert.deepEqual(
    given.map((value) => nearest(value, noise)),
    [0.2, 0.1, 0, 3, 3, 0.3, 0],
  );
  for (let k = 0; k <= 30; k++) assert.equal(nearest(k * 0.1, noise), Number((k / 10).toFixed(1)));
});

test("of a slider with long steps any whole number is right", () => {
  assert.deepEqual(
    [137, 137.4, 1, 9999, Number.NaN].map((value) => nearest(value, particles)),
    [137, 137, 100, 5000, 100],
  );
  assert.equal(nearest(2147483647, seed), 2147483647);
});

test("what a field accepts is said as the service says it", () => {
  assert.equal(inWords(noise), "a number from 0 to 3 in steps of 0.1");
  assert.equal(inWords(particles), "a whole number from 100 to 5000");
});
