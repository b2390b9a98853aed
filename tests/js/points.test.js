import assert from "node:assert/strict";
import { test } from "node:test";
import { fieldAt } from "../../fm_core/ui/player/field.js";
import { add, decode } from "../../fm_core/ui/player/packet.js";
import { scene } from "../../fm_core/ui/player/points.js";

const series = [
  [1, 0.5],
  [1, 0.4],
  [1, 0.6],
];
const theory = { t: [0, 1], values: series, errors: series };
const about = { schedule: "linear", formula: "α = 1 − t", steps: 1, theory, statistics: { variance: series } };
const field = { shape: [1], scale: 1, type: "int8" };

/** A run of which only its picture has come. */
function begun(...sides) {
  const names = sides.flatMap(({ fields }, k) => fields.map((name) => `sides.${k}.fields.${name}`));
  const blocks = names.map((name) => ({ name, ...field }));
  const described = sides.map(({ fields: _, ...side }) => ({ ...structuredClone(about), ...side }));
  return decode({ header: { blocks, sides: described }, data: new ArrayBuffer(blocks.length) });
}

/** The names of the lines in the chart of the variance of a side. */
const linesOf = (side) => scene.traces.variance(side, [0, 1], (name) => name, false);
const figureOf = (side) => scene.figures(side, 1).find(([name]) => name === "flow_map")[2];

const learned = { velocity: "learned", coupling: "independent", fields: ["learned", "exact"] };
const THEORY = ["theory −", "theory +", "theory"];

test("until the exact field's run is there, neither chart nor words nor figures claim it", () => {
  const run = begun(learned);
  assert.deepEqual(linesOf(run.sides[0]), ["measured", ...THEORY]);
  assert.doesNotMatch(scene.explainVariance(run), /exact/);
  assert.equal(figureOf(run.sides[0]), "");
  assert.deepEqual(scene.offers(run), { arrows: true, exact: true, difference: true }); // the field itself is no figure of a run

  const figures = { statistics: { exact: series }, flow_map: { median: 0.01, far: 0.5 } };
  add(run, decode({ header: { sides: [figures] }, data: new ArrayBuffer() }));
  assert.deepEqual(linesOf(run.sides[0]), ["measured", "exact, same solver", ...THEORY]);
  assert.match(scene.explainVariance(run), /Dotted: the exact field/);
  assert.equal(figureOf(run.sides[0]), "1.0%, 50.0% of particles off");
});

test("a side without an exact field, or on it, is compared with none", () => {
  const matched = { velocity: "learned", coupling: "ot", fields: ["learned"] };
  const run = begun(matched, { ...learned, velocity: "exact", fields: ["exact"] });
  const sides = [[], series].map((exact) => ({ statistics: { exact }, flow_map: null }));
  add(run, decode({ header: { sides }, data: new ArrayBuffer() }));
  for (const side of run.sides) {
    assert.deepEqual(linesOf(side), ["measured", ...THEORY]);
    assert.equal(figureOf(side), "–");
  }
  assert.doesNotMatch(scene.explainVariance(run), /exact/);
});

test("pairs have neither fields nor a flow-map error, and say so at once", () => {
  const run = begun({ velocity: "pairs", coupling: "independent", fields: [] });
  const [side] = run.sides;
  Object.assign(side, { fields: {}, flow_map: null });
  side.statistics.exact = [];
  assert.deepEqual(scene.offers(run), { arrows: false, exact: false, difference: false });
  assert.deepEqual(linesOf(side), ["measured", ...THEORY]);
  assert.equal(figureOf(side), "–");
  for (const layer of ["arrows", "exact", "difference"]) assert.equal(fieldAt(side, layer, 0.5), null);
});

test("the chart of the field error is offered if a side has a network and its exact field is known", () => {
  const offered = (...sides) => scene.lacking({ sides }, "field_error");
  const exact = { ...learned, velocity: "exact" };
  const matched = { ...learned, coupling: "ot" };
  const relu = { ...learned, velocity: "relu-output" };
  for (const sides of [[learned], [relu], [learned, exact], [matched, learned]]) assert.equal(offered(...sides), null);
  assert.equal(offered(exact)[0], "not for the exact field");
  assert.match(offered(matched)[1], /^There is no field error here\. This run has a network that learned from pairs/);
  assert.match(offered(matched, exact)[1], /Run A has .* Run B follows the exact field/);
  assert.equal(scene.lacking({ sides: [exact] }, "speed"), null);
});

test("the line of the field error has its own times, and a gap where the exact field rests", () => {
  const line = (_name, x, y) => [x, y];
  const draw = (field_error) => scene.traces.field_error({ field_error }, [0, 1], line, false)[0];
  assert.deepEqual(draw({ t: [0, 0.5, 1], values: [0.1, 0.2, null] }), [
    [0, 0.5],
    [0.1, 0.2],
  ]);
  for (const none of [null, undefined]) assert.deepEqual(draw(none), [[], []]);
});
