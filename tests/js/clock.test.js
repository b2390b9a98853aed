import assert from "node:assert/strict";
import { test } from "node:test";
import { Clock } from "../../fm_core/ui/player/clock.js";

const options = { speed: 1, loop: true };
const run = (clock, from, to, step, settings = options) => {
  for (let now = from; now <= to; now += step) clock.tick(now, settings);
};

test("five seconds from start to end at speed 1, half of that at speed 2", () => {
  const [one, two] = [new Clock(), new Clock()];
  for (const clock of [one, two]) clock.set(0, true);
  run(one, 1000, 3500, 50);
  assert.ok(Math.abs(one.t - 0.5) < 1e-9);
  run(two, 1000, 3500, 50, { ...options, speed: 2 });
  assert.ok(Math.abs(two.t - 1) < 1e-9);
});

test("at the end it rests and starts again, or stops without loop", () => {
  const clock = new Clock();
  clock.set(1, true);
  run(clock, 1000, 2000, 100);
  assert.equal(clock.t, 1);
  run(clock, 2100, 2400, 100);
  assert.ok(clock.t < 0.1);
  clock.set(1, true);
  assert.equal(clock.tick(2500, { ...options, loop: false }), true);
  assert.equal(clock.playing, false);
  assert.equal(clock.tick(2600, options), false);
});

test("a time hidden from view does not count", () => {
  const clock = new Clock();
  clock.set(0, true);
  clock.tick(1000, options);
  clock.tick(60_000, options);
  assert.equal(clock.t, 0.02);
});

test("times outside 0 to 1 are cut off", () => {
  const clock = new Clock();
  clock.set(-3, false);
  assert.equal(clock.t, 0);
  clock.set(3, false);
  assert.equal(clock.t, 1);
});
