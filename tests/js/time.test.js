import assert from "node:assert/strict";
import { test } from "node:test";
import { locate, neighbour, placesBetween, stateAt } from "../../fm_core/ui/player/time.js";

const equal = Float32Array.of(0, 0.25, 0.5, 0.75, 1);
const unequal = Float32Array.of(0, 0.1, 0.3, 1);
const single = Float32Array.of(0, 1);
const tenths = Float32Array.from({ length: 11 }, (_, k) => k / 10);

test("the last state that is not after a time", () => {
  const cases = [
    [equal, 0, 0],
    [equal, 0.2499, 0],
    [equal, 0.25, 1],
    [equal, 0.99, 3],
    [equal, 1, 4],
    [unequal, 0.2, 1],
    [unequal, 0.999, 2],
    [single, 0.999, 0],
    [single, 1, 1],
  ];
  for (const [times, t, state] of cases) assert.equal(stateAt(times, t), state, `${t} of ${times}`);
});

test("a state's time is found though it was rounded to 32 bits", () => {
  for (let k = 0; k <= 10; k++) {
    assert.equal(stateAt(tenths, k / 10), k);
    assert.equal(stateAt(tenths, tenths[k]), k);
  }
});

test("between two states the fraction of the step counts, at the ends there is a step too", () => {
  assert.deepEqual(locate(equal, 0), { state: 0, fraction: 0 });
  assert.deepEqual(locate(equal, 0.625), { state: 2, fraction: 0.5 });
  assert.deepEqual(locate(equal, 1), { state: 3, fraction: 1 });
  assert.deepEqual(locate(single, 0.3), { state: 0, fraction: 0.3 });
  const { state, fraction } = locate(unequal, 0.65);
  assert.equal(state, 2);
  assert.ok(Math.abs(fraction - 0.5) < 1e-6);
  assert.deepEqual(locate(unequal, unequal[1]), { state: 1, fraction: 0 });
});

test("the step buttons land exactly on states, forwards and backwards", () => {
  for (const times of [equal, unequal, single, tenths]) {
    let t = 0;
    for (const expected of times.slice(1)) {
      t = neighbour(times, t, 1);
      assert.equal(t, expected);
    }
    assert.equal(neighbour(times, t, 1), 1);
    for (const expected of [...times.slice(0, -1)].reverse()) {
      t = neighbour(times, t, -1);
      assert.equal(t, expected);
    }
    assert.equal(neighbour(times, t, -1), 0);
  }
  assert.equal(neighbour(unequal, 0.2, -1), unequal[1]);
  assert.equal(neighbour(unequal, 0.2, 1), unequal[2]);
});

test("places between two times are both ends and the states between, thinned out where there are many", () => {
  assert.deepEqual(placesBetween(equal, 0.125, 0.625), [
    { state: 0, fraction: 0.5 },
    { state: 1, fraction: 0 },
    { state: 2, fraction: 0 },
    { state: 2, fraction: 0.5 },
  ]);
  assert.deepEqual(placesBetween(equal, 0.25, 0.5), [
    { state: 1, fraction: 0 },
    { state: 2, fraction: 0 },
  ]);
  const thinned = placesBetween(tenths, 0, 1, 4).map(({ state, fraction }) => state + fraction);
  assert.deepEqual(thinned, [0, 1, 4, 7, 10]);
  const inOneStep = placesBetween(single, 0.25, 0.5);
  assert.deepEqual(inOneStep, [
    { state: 0, fraction: 0.25 },
    { state: 0, fraction: 0.5 },
  ]);
});
