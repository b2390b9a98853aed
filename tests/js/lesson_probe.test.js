import assert from "node:assert/strict";
import { test } from "node:test";
import { isAt, movedBy, placeIn } from "../../fm_core/ui/player/lesson_place.js";
import { probeFigures } from "../../fm_core/ui/player/lesson_probe.js";

const block = (...rows) => ({ values: Float64Array.from(rows.flat()), shape: [rows.length, rows[0].length ?? 1] });

/** At x = (1, 0) and t = ½ on linear: two pairs, to (2, 1) with the weight ¾ and to (2, −3) with ¼. */
const SIDE = {
  learned: [3, 4],
  exact: [0, 2],
  x_0: [0, 0],
  x_1: [2, 0],
  coefficients: [0.5, 0.5, -1, 1],
  groups: [1, 8],
  pairs: { x_0: block([0, -1], [0, 3]), x_1: block([2, 1], [2, -3]), weights: block(0.75, 0.25) },
};
const FOUND = { x: [1, 0], t: 0.5, sides: [SIDE, { learned: [1, 0], exact: null }] };
const AT = [1, 0];
const near = (found, expected) => assert.ok(Math.abs(found - expected) < 1e-12, `${found} is not ${expected}`);

test("the figures of a place are those of its arrows and of its pairs", () => {
  const figures = probeFigures({ at: AT, found: FOUND, flow: null });
  for (const [name, value] of [
    ["open", 1],
    ["t", 0.5],
    ["x.0", 1],
    ["learned.1", 4],
    ["speed", 2],
    ["off", Math.hypot(3, 2)],
    ["angle", (180 / Math.PI) * Math.atan2(3, 4)],
    ["longer", 1.5],
    ["ends.0", 2],
    ["likely", 1],
    ["groups", 8],
    ["pairs", 2],
    ["mean.0", 2],
    ["mean.1", 0.75 * 2 - 0.25 * 6],
    ["gap", Math.hypot(2, 2)],
    ["scatter", Math.sqrt(0.75 * 4 + 0.25 * 36)],
    ["spread", Math.sqrt(0.75 * 1 + 0.25 * 9)],
    ["end.0", 1 + 0.5 * 3],
    ["end.1", 0.5 * 4],
  ])
    near(figures[`probe.${name}`], value);
  assert.equal(figures["a.probe.likely"], 1);
  assert.equal(figures["probe.log_p"], undefined);
});

test("a side whose exact field is not known has its arrow alone; densities and ways come later", () => {
  const lines = { learned: block([5, 6], [1, 0], [7, 8]) };
  const log_p = { flow: -2, closed: null };
  const flow = {
    sides: [
      { lines, log_p: { flow: -3, closed: -3.5 } },
      { lines, log_p },
    ],
  };
  const figures = probeFigures({ at: AT, found: FOUND, flow });
  const ofB = Object.entries(figures).filter(([name]) => name.startsWith("b."));
  assert.deepEqual(Object.fromEntries(ofB), {
    ...{ "b.probe.x.0": 1, "b.probe.x.1": 0, "b.probe.t": 0.5, "b.probe.open": 1 },
    ...{ "b.probe.learned.0": 1, "b.probe.learned.1": 0, "b.probe.log_p": -2 },
    ...{ "b.probe.from.0": 5, "b.probe.from.1": 6, "b.probe.to.0": 7, "b.probe.to.1": 8 },
  });
  assert.deepEqual([figures["probe.log_p"], figures["probe.formula"]], [-3, -3.5]);
});

test("without a place there is only that, and before the answer nothing", () => {
  assert.deepEqual(probeFigures({ at: null, found: null, flow: null }), { "probe.open": 0 });
  assert.deepEqual(probeFigures({ at: AT, found: null, flow: null }), {});
});

test("a display names a place if it has a probe and a time that can be", () => {
  assert.deepEqual(placeIn("chart=speed&probe=0.2,-0.4&t=0.5"), { probe: [0.2, -0.4], t: 0.5 });
  for (const show of [
    "",
    "t=0.5",
    "probe=0.2,0.4",
    "probe=0.2&t=0.5",
    "probe=a,b&t=0.5",
    "probe=21,0&t=0.5",
    "probe=0,0&t=2",
  ])
    assert.equal(placeIn(show), null, show);
});

test("an address moves the probe of an experiment that has one, to where it can be", () => {
  const moved = (show, values) => placeIn(movedBy(show, (name) => values[name] ?? null));
  const show = "probe=0.2,0.4&t=0.5&chart=speed";
  assert.deepEqual(moved(show, { probe: "1,2" }), { probe: [1, 2], t: 0.5 });
  assert.deepEqual(moved(show, { t: "0.75" }), { probe: [0.2, 0.4], t: 0.75 });
  for (const values of [{}, { probe: "1" }, { t: "9" }, { probe: "x,y", t: "0.1" }])
    assert.equal(
      movedBy(show, (name) => values[name] ?? null),
      show,
    );
  assert.equal(
    movedBy("chart=speed", () => "0.5"),
    "chart=speed",
  );
});

test("a player is at a place to four decimals, and anywhere where none is meant", () => {
  const player = { probe: { at: [0.70712, 0.7] }, clock: { t: 0.50001 } };
  assert.equal(isAt(player, "probe=0.7071,0.7&t=0.5"), true);
  assert.equal(isAt(player, "probe=0.7072,0.7&t=0.5"), false);
  assert.equal(isAt(player, "probe=0.7071,0.7&t=0.6"), false);
  assert.equal(isAt({ ...player, probe: { at: null } }, "probe=0.7071,0.7&t=0.5"), false);
  assert.equal(isAt(player, "chart=speed"), true);
});
