import assert from "node:assert/strict";
import { test } from "node:test";
import { csv } from "../../fm_core/ui/player/csv.js";

const times = (...values) => ({ values: Float32Array.from(values) });
const variance = [
  [1, 0.6250000000000001, 2],
  [1, 0.5, 3],
  [1, 0.75, 1],
];
const points = {
  steps: 2,
  nfe: 4,
  t: times(0, 0.02, 1),
  statistics: { variance, theory: variance, exact: [], speed: [7, 8e-7], straightness: [1, 0.5, 0.25] },
  distances: { states: [0, 2], values: [1.25, 0.125] },
  floor: 0.1,
};

/** The rows of a table without quoted cells, each as an object by column. */
function rowsOf(text) {
  const [names, ...rows] = text
    .slice(0, -2)
    .split("\r\n")
    .map((line) => line.split(","));
  return rows.map((row) => Object.fromEntries(names.map((name, k) => [name, row[k]])));
}

test("a row for each state, with all statistics of points under plain names and at full precision", () => {
  const text = csv({ sides: [points] });
  const header =
    "side,step,t,nfe,variance,variance_x1,variance_x2,theory_variance,theory_variance_x1,theory_variance_x2";
  assert.equal(text.split("\r\n")[0], `${header},speed,straightness,w2,w2_floor`);
  assert.equal(text.split("\r\n")[1], "a,0,0,0,1,1,1,1,1,1,7,1,1.25,0.1");
  assert.equal(text.split("\r\n")[2], "a,1,0.02,2,0.6250000000000001,0.5,0.75,0.6250000000000001,0.5,0.75,8e-7,0.5,,");
  assert.equal(text.split("\r\n")[3], "a,2,1,4,2,3,1,2,3,1,,0.25,0.125,0.1"); // no step begins at the last state
  assert.ok(text.endsWith("\r\n"));
});

test("a statistic that is not defined at the ends is empty there, and one of the whole run is not in the table", () => {
  const statistics = { variance: [[1, 2, 3]], difference: [null, 0.25, null], crossing: 0.5 };
  const rows = rowsOf(csv({ sides: [{ steps: 2, nfe: 0, t: times(0, 0.5, 1), statistics }] }));
  assert.deepEqual(
    rows.map(({ nfe, difference, crossing }) => [nfe, difference, crossing]),
    [
      ["0", "", undefined],
      ["0", "0.25", undefined],
      ["0", "", undefined],
    ],
  );
});

test("two sides may have different steps and statistics; what one lacks is empty", () => {
  const exact = { ...points, steps: 1, nfe: 1, t: times(0, 1), statistics: { variance: [[1, 2]], exact: [[3, 4]] } };
  const rows = rowsOf(csv({ sides: [points, { ...exact, distances: undefined }] }));
  assert.deepEqual(
    rows.map(({ side, step }) => side + step),
    ["a0", "a1", "a2", "b0", "b1"],
  );
  assert.equal(rows[0].exact_variance, "");
  assert.equal(rows[4].exact_variance, "4");
  assert.equal(rows[4].speed, "");
  assert.equal(rows[4].w2, "");
});

test("the statistics of images, and any that come later, are in the table; theory on another grid is not", () => {
  const statistics = { variance: [[1, 1]], confidence: [0.5, 0.75], later: [5, 6], theory: [[1, 2, 3, 4]] };
  const rows = rowsOf(csv({ sides: [{ steps: 1, nfe: 1, t: times(0, 1), statistics }] }));
  assert.deepEqual(rows[1], { side: "a", step: "1", t: "1", nfe: "1", variance: "1", confidence: "0.75", later: "6" });
});

test("the norms of images are their mean and two quantiles", () => {
  const norm = [
    [1, 0.5],
    [0.9, 0.25],
    [1.1, 0.75],
  ];
  const rows = rowsOf(csv({ sides: [{ steps: 1, nfe: 1, t: times(0, 1), statistics: { norm } }] }));
  const { norm: mean, norm_q10, norm_q90 } = rows[1];
  assert.deepEqual([mean, norm_q10, norm_q90], ["0.5", "0.25", "0.75"]);
});

test("a statistic's name with a comma, and values that are not numbers, do not break the table", () => {
  const statistics = { 'a "b", c': [Number.NaN, Number.POSITIVE_INFINITY] };
  const text = csv({ sides: [{ steps: 1, nfe: 1, t: times(0, 1), statistics }] });
  assert.equal(text, 'side,step,t,nfe,"a ""b"", c"\r\na,0,0,0,\r\na,1,1,1,\r\n');
});

test("a field error on times of its own is read between them, and is empty where it has none", () => {
  const field_error = { t: [0, 0.5, 1], values: [0.25, 0.75, null] };
  const side = { steps: 5, nfe: 5, t: times(0, 0.1, 0.5, 0.6, 1), statistics: {}, field_error };
  assert.deepEqual(
    rowsOf(csv({ sides: [side] })).map(({ field_error }) => field_error && Number(field_error).toFixed(6)),
    ["0.250000", "0.350000", "0.750000", "", ""],
  );
  assert.equal(rowsOf(csv({ sides: [{ ...side, field_error: null }] }))[0].field_error, undefined);
});

test("images: means with quantiles, speeds where a step begins, and the steepness of the states that have one", () => {
  const statistics = {
    variance: [[1, 2, 3]],
    neighbour: [
      [0.5, 0.25, 0.75],
      [0.1, 0.2, 0.3],
      [1, 2, 3],
    ],
    speed: [
      [4, 5],
      [3, 4],
      [5, 6],
    ],
  };
  const steepness = { states: [0], values: [1.5] };
  const rows = rowsOf(csv({ sides: [{ steps: 2, nfe: 2, t: times(0, 0.5, 1), statistics, steepness }] }));
  assert.deepEqual(
    rows.map((row) => [row.neighbour_distance, row.neighbour_distance_q90, row.speed, row.speed_q10, row.steepness]),
    [
      ["0.5", "1", "4", "3", "1.5"],
      ["0.25", "2", "5", "4", ""],
      ["0.75", "3", "", "", ""],
    ],
  );
});
