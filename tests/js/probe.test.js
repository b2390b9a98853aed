// What the probe asks for and says, and in which order it asks.
import assert from "node:assert/strict";
import test from "node:test";
import { newestOf } from "../../fm_core/ui/player/newest.js";
import { Probe } from "../../fm_core/ui/player/probe.js";
import { opacitiesOf } from "../../fm_core/ui/player/probe_picture.js";
import { errorOf, readOut, sentenceOf, termsOf, valuesOf, verdict } from "../../fm_core/ui/player/probe_words.js";

const side = { schedule: "cosine", coupling: "independent", velocity: "exact", steps: 50 };
const known = { learned: [0, 2.2], exact: [0, 2], x_0: [0.1, 0.2], x_1: [1, -1] };
const coupled = { learned: [1, 0], exact: null };

test("a request has the ends, the place, and the field of each side", () => {
  const run = { ends: { target: "moons", source: "standard-gaussian" }, sides: [{ ...side, velocity: "learned" }] };
  const field = { schedule: "cosine", coupling: "independent", velocity: "learned" };
  const ofB = { schedule_b: "cosine", coupling_b: "independent", velocity_b: "learned" };
  const at = { x: 0.1235, y: 0, t: 0.3333 };
  const values = valuesOf(run, [0.12345678, -0.00001], 1 / 3);
  assert.deepEqual(values, { ...run.ends, ...at, compare: false, ...field, ...ofB });
  assert.equal(Object.is(values.y, 0), true); // and not -0
  run.sides.push(side);
  const { compare, velocity, velocity_b } = valuesOf(run, [0, 0], 0);
  assert.deepEqual([compare, velocity, velocity_b], [true, "learned", "exact"]);
});

test("an arrow is off by an angle and by a part of its length, unless one has no length", () => {
  assert.deepEqual(errorOf([0, 3], [2, 0]), { angle: 90, longer: 0.5 });
  assert.equal(Math.round(errorOf([-1, 0.001], [1, 0])?.angle ?? 0), 180);
  assert.equal(errorOf([1, 0], [0, 0]), null);
  assert.equal(verdict(known), "the network's arrow is 0.0° off and 10% too long");
  assert.equal(verdict({ ...known, learned: [0, 1] }), "the network's arrow is 0.0° off and 50% too short");
  assert.equal(verdict({ ...known, learned: null }), "the exact field, without a network");
  assert.equal(verdict({ ...known, log_density: -5 }), verdict(known));
  assert.match(verdict({ ...known, log_density: -7 }), /^hardly any training pair passes here, so the network has not/);
  assert.equal(verdict(coupled), "only the network's arrow is known");
});

test("the line beneath the picture names the place, and what is known so far", () => {
  assert.equal(readOut([0.5, -1], null), "At (0.50, −1.00).");
  assert.equal(
    readOut([0.5, -0.001], { x: [], t: 0, sides: [coupled] }),
    "At (0.50, 0.00): only the network's arrow is known.",
  );
  assert.match(
    readOut([0, 0], { x: [], t: 0, sides: [known, coupled] }),
    /^At \(0.00, 0.00\). A: the .* long; B: only .*known\.$/,
  );
});

test("one sentence says what the mean is, or why there is none", () => {
  assert.match(sentenceOf([known, known], null), /^Each line is .* The mean of their velocities is the exact arrow\.$/);
  assert.match(sentenceOf([{ ...known, log_density: -7 }], null), /^Hardly any .* The mean of their velocities is/);
  assert.match(sentenceOf([coupled], null), /^These pairs were matched by optimal transport/);
  assert.match(sentenceOf([coupled, known], null), /^A: These .* B: Each /);
  const flow = { sides: [{ lines: { exact: {} } }] };
  assert.match(sentenceOf([known], flow), /, dashed on the exact field\.$/);
});

test("densities are compared where something passes", () => {
  const last = (log_p) => termsOf(known, log_p).at(-1)?.[2];
  assert.deepEqual(
    termsOf(coupled).map(([, , value]) => value),
    ["(1.00, 0.00)"],
  );
  assert.equal(termsOf(known).length, 4);
  assert.equal(last({ flow: -1.3, closed: -1.325 }), "−1.30 by the flow, −1.32 by the formula, difference 0.02");
  assert.equal(last({ flow: -4, closed: -26 }), "very low: hardly any path passes here");
  assert.equal(last({ flow: -1.3, closed: null }), "−1.30 by the flow");
});

test("the most probable pair is the strongest", () => {
  const [rare, often] = opacitiesOf({ values: new Float32Array([0.01, 0.64]), shape: [2], scale: 1 });
  assert.ok(rare > 0.05 && rare < 0.2 && often > 0.8 && often <= 1);
});

test("of what is wanted while something is asked, only the newest is asked next", async () => {
  const asked = [];
  let answer = () => {};
  const ask = newestOf((value) => {
    asked.push(value);
    return new Promise((done) => {
      answer = done;
    });
  }, 0);
  for (const value of [1, 2, 3]) ask(value);
  assert.deepEqual(asked, [1]);
  answer();
  await new Promise((done) => setTimeout(done, 20));
  assert.deepEqual(asked, [1, 3]);
  answer();
  await new Promise((done) => setTimeout(done, 20));
  ask(4);
  assert.deepEqual(asked, [1, 3, 4]);
});

test("the flow is asked for once the clock rests, also if it came to rest at the same time and place", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const run = { ends: { target: "moons", source: "standard-gaussian" }, sides: [side] };
  const player = { root: new EventTarget(), clock: { playing: true }, scene: {} };
  const probe = new Probe(player);
  const asked = [];
  Object.assign(probe, { ask: () => asked.push("run"), answer: (want) => asked.push(want) });
  probe.put([0, 0]);
  probe.follow(run, 1);
  context.mock.timers.tick(300); // which plays on at the end, until it begins anew
  assert.deepEqual(asked, ["run"]);
  player.clock.playing = false;
  probe.follow(run, 1);
  context.mock.timers.tick(300);
  probe.follow(run, 1);
  context.mock.timers.tick(300);
  assert.deepEqual(asked, ["run", "flow"]);
});
