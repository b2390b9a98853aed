// What a person did in the lessons: kept in this browser only. What is read may be damaged, of an older version or made
// up, so whatever has not the expected shape is left out; its HTML is cleaned where it is shown (lesson_markup.js).

const KEY = "fm-lessons";
const NAME = "fm-lessons-name";
const POINTS = 101; // of a curve, at most
const MOST = 24; // entries of a list
const LONGEST = 20_000; // letters of a text
const PICTURE = /^data:image\/(?:webp|png);base64,[A-Za-z0-9+/]+={0,2}$/;

/** A curve of a chart, in the colour of its side. @typedef {{ name: string, x: number[], y: number[], dash: "solid" | "dash" | "dot", side: number }} Series */
/** An axis; `zero` has it begin at 0. @typedef {{ title: string, log: boolean, zero: boolean }} Axis */
/** What a canvas showed at time t, as a data URL. @typedef {{ title: string, t: number, image: string }} Picture */
/** What is kept of a run: what it was, what it said (HTML), and how it looked. `changed` are the parameters of the lesson's
 * address that repeat it, `settings` the same in words, and `query` is that of the run in the playground, if it has one.
 * @typedef {{ title: string, about: string[], settings: string[], changed: Record<string, string>, query: string,
 *   said: string[], pictures: Picture[], axes: Axis[], series: Series[] }} Kept */
/** `notes` are the person's own words, plain text. @typedef {{ choice?: number, notes?: string, runs?: Record<string, Kept> }} Progress */

/** What the browser would not keep, while the page is open. */
let held = /** @type {Record<string, Progress> | null} */ (null);

/** Whether progress outlasts the page. */
export const isKept = () => held === null;

/** @param {Progress} [progress] */
export const isDone = ({ choice, runs = {} } = {}) => choice !== undefined && Object.keys(runs).length > 0;

/** @returns {Record<string, Progress>} */
export function readProgress() {
  if (held) return held;
  try {
    return progressOf(localStorage.getItem(KEY) ?? "{}");
  } catch {
    return {}; // not allowed
  }
}

/** The progress in a text, as far as it can be used. @param {string} text */
export function progressOf(text) {
  try {
    return entriesOf(JSON.parse(text), /^\d{1,4}$/, lessonOf);
  } catch {
    return {}; // not JSON
  }
}

/** @param {string} lesson @returns {Progress} */
export const progressIn = (lesson) => readProgress()[lesson] ?? {};

/** @param {string} lesson @param {Progress} change */
export function keep(lesson, change) {
  const all = readProgress();
  const changed = { ...all, [lesson]: { ...all[lesson], ...change } };
  try {
    localStorage.setItem(KEY, JSON.stringify(changed));
    held = null;
  } catch {
    held = changed; // no room, or not allowed
  }
  window.dispatchEvent(new Event("fm-progress"));
}

/** @param {string} lesson @param {number} experiment @param {Kept} run */
export const keepRun = (lesson, experiment, run) =>
  keep(lesson, { runs: { ...progressIn(lesson).runs, [experiment]: run } });

export function clearProgress() {
  held = null;
  try {
    for (const key of [KEY, NAME]) localStorage.removeItem(key);
  } catch {
    // not allowed: there is nothing to clear
  }
  window.dispatchEvent(new Event("fm-progress"));
}

/** The name that the last report had. */
export function readName() {
  try {
    return localStorage.getItem(NAME) ?? "";
  } catch {
    return "";
  }
}

/** @param {string} name */
export function keepName(name) {
  try {
    localStorage.setItem(NAME, name);
  } catch {
    // it is asked for again
  }
}

/** A list of numbers, with four digits each, thinned to few. @param {ArrayLike<number>} values */
export function fewer(values) {
  const last = values.length - 1;
  const length = Math.min(values.length, POINTS);
  return Array.from({ length }, (_, k) => rounded(values[length > 1 ? Math.round((k * last) / (length - 1)) : 0]));
}
const rounded = (/** @type {number} */ value) => Number(Number(value).toPrecision(4));

// The shapes, each read from anything: undefined where it cannot be used.

/** @param {any} value @returns {Progress | undefined} */
function lessonOf(value) {
  if (!isTable(value)) return undefined;
  const choice = Number.isInteger(value.choice) && value.choice >= 0 ? { choice: value.choice } : {};
  const notes = textOf(value.notes);
  const runs = entriesOf(value.runs, /^\d{1,2}$/, runOf);
  return { ...choice, ...(notes ? { notes } : {}), ...(Object.keys(runs).length ? { runs } : {}) };
}

/** @param {any} value @returns {Kept | undefined} */
function runOf(value) {
  if (!isTable(value) || typeof value.title !== "string") return undefined;
  const { title, query, changed, about, settings, said, pictures, axes, series } = value;
  return {
    ...{ title: textOf(title) ?? "", query: textOf(query) ?? "" },
    changed: entriesOf(changed, /^[a-z_]{1,40}(\.\d)?$/, textOf),
    ...{ about: listOf(about, textOf), settings: listOf(settings, textOf), said: listOf(said, textOf) },
    ...{ pictures: listOf(pictures, pictureOf), axes: listOf(axes, axisOf), series: listOf(series, seriesOf) },
  };
}

/** @param {any} value @returns {Picture | undefined} */
function pictureOf(value) {
  if (!isTable(value) || typeof value.image !== "string" || !PICTURE.test(value.image)) return undefined;
  return { title: textOf(value.title) ?? "", t: Number.isFinite(value.t) ? value.t : 1, image: value.image };
}

/** @param {any} value @returns {Axis | undefined} */
function axisOf(value) {
  if (!isTable(value)) return undefined;
  return { title: textOf(value.title) ?? "", log: value.log === true, zero: value.zero === true };
}

/** @param {any} value @returns {Series | undefined} */
function seriesOf(value) {
  if (!isTable(value)) return undefined;
  const { name, x, y, dash, side } = value;
  if (!isNumbers(x) || !isNumbers(y) || x.length !== y.length || !x.length) return undefined;
  const known = dash === "dash" || dash === "dot" ? dash : "solid";
  const index = Number.isInteger(side) && side >= 0 ? side : 0;
  return { name: textOf(name) ?? "", x: fewer(x), y: fewer(y), dash: known, side: index };
}

/** @param {any} value @returns {value is number[]} */
const isNumbers = (value) => Array.isArray(value) && value.every(Number.isFinite);

/** @param {any} value */
const isTable = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

/** @param {any} value */
const textOf = (value) => (typeof value === "string" ? value.slice(0, LONGEST) : undefined);

/** @template T @param {any} value @param {(entry: any) => T | undefined} read */
const listOf = (value, read) =>
  (Array.isArray(value) ? value : [])
    .slice(0, MOST)
    .map(read)
    .filter((entry) => entry !== undefined);

/** The entries of a table whose names are as expected. @template T @param {any} value @param {RegExp} names
 * @param {(entry: any) => T | undefined} read @returns {Record<string, T>} */
function entriesOf(value, names, read) {
  const entries = isTable(value) ? Object.entries(value).filter(([name]) => names.test(name)) : [];
  const found = entries.map(([name, entry]) => [name, read(entry)]).filter(([, entry]) => entry !== undefined);
  return Object.fromEntries(found);
}
