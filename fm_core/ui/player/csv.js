// The statistics of a run as a table: CSV as in RFC 4180, a row for each state of each side.
import { locate } from "./time.js";

/** What a decoded side is to the table: its series are lists of numbers, one for each state or step, or lists of such.
 * @typedef {{ steps: number, nfe: number, t: { values: ArrayLike<number> }, statistics: object,
 *   distances?: Some, floor?: number, steepness?: Some,
 *   field_error?: { t: number[], values: (number | null)[] } | null }} Side */
/** Values at some states. @typedef {{ states: number[], values: number[] }} Some */
/** Values by state; some states may have none. @typedef {ArrayLike<number | undefined>} Column */

const SAME = 1e-4; // of the distance of two times, which are rounded

/** @type {Record<string, string>} */
const NAMES = { exact: "exact_variance", theory: "theory_variance", neighbour: "neighbour_distance" };
const DIMENSIONS = ["", "_x1", "_x2"]; // the mean over both, and each
const BAND = ["", "_q10", "_q90"]; // the mean, and quantiles
/** @type {Record<string, string[]>} */
const ENDINGS = { norm: BAND, speed: BAND, neighbour: BAND };

/** @param {{ sides: Side[] }} run */
export function csv({ sides }) {
  const tables = sides.map(columnsOf);
  const names = [...new Set(tables.flatMap((columns) => [...columns.keys()]))];
  const rows = sides.flatMap((side, index) =>
    Array.from(side.t.values, (_, state) => [
      "ab"[index],
      ...names.map((name) => numeral(tables[index].get(name)?.[state])),
    ]),
  );
  return [["side", ...names], ...rows].map((row) => `${row.map(quoted).join(",")}\r\n`).join("");
}

/** @param {Side} side @returns {Map<string, Column>} */
function columnsOf({ steps, nfe, t, statistics, distances, floor, field_error, steepness }) {
  const states = Array.from(t.values, (_, state) => state);
  /** @type {Map<string, Column>} */
  const columns = new Map();
  columns.set("step", states);
  columns.set("t", Array.from(t.values, shortest));
  columns.set(
    "nfe",
    states.map((state) => (nfe * state) / steps),
  );
  for (const [name, series] of Object.entries(statistics)) {
    for (const [suffix, values] of seriesOf(series, ENDINGS[name] ?? DIMENSIONS)) {
      const fits = values.length === states.length || values.length === states.length - 1;
      if (fits) columns.set((NAMES[name] ?? name) + suffix, values);
    }
  }
  if (distances) columns.set("w2", at(distances.states, distances.values));
  if (distances && floor !== undefined) columns.set("w2_floor", at(distances.states, Array(states.length).fill(floor)));
  if (field_error)
    columns.set(
      "field_error",
      Array.from(t.values, (time) => between(field_error, time)),
    );
  if (steepness) columns.set("steepness", at(steepness.states, steepness.values));
  return columns;
}

/** The value of a series at a time: between two of its own times, on the straight line.
 * @param {{ t: number[], values: (number | null)[] }} series @param {number} time */
function between({ t, values }, time) {
  const { state, fraction } = locate(t, time);
  const [before, after] = [values[state], values[state + 1]];
  if (fraction < SAME) return before ?? undefined;
  if (fraction > 1 - SAME) return after ?? undefined;
  return before === null || after === null ? undefined : before + fraction * (after - before);
}

/** The lists of numbers in a statistic, each with the end of its name. @param {unknown} series @param {string[]} endings
 * @returns {[string, number[]][]} */
function seriesOf(series, endings) {
  if (!Array.isArray(series) || !series.length) return [];
  if (!Array.isArray(series[0])) return [["", series]];
  return series.map((values, index) => [endings[index] ?? `_${index}`, values]);
}

/** Values that only some states have. @param {number[]} states @param {number[]} values @returns {Column} */
function at(states, values) {
  const column = /** @type {(number | undefined)[]} */ ([]);
  for (const [k, state] of states.entries()) column[state] = values[k];
  return column;
}

/** The number with the fewest digits that has the same 32 bits, as 0.02 for 0.019999999552965164.
 * @param {number} value */
function shortest(value) {
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === Math.fround(value)) return short;
  }
  return value;
}

const numeral = (/** @type {number | undefined} */ value) => (Number.isFinite(value) ? String(value) : "");
const quoted = (/** @type {string} */ cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
