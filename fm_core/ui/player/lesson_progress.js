// What a person did in the lessons: kept in this browser only.

const KEY = "fm-lessons";

/** What is kept of a run: what it was, what it said, and how it looked.
 * @typedef {{ values: Record<string, unknown>, said: string[], title: string, label: string, picture: string, series: Series[], link: string }} Kept */
/** A curve of a chart. @typedef {{ name: string, x: number[], y: number[], dash: string }} Series */
/** @typedef {{ choice?: number, runs?: Record<string, Kept> }} Progress */

/** @returns {Record<string, Progress>} */
export function readProgress() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    return kept && typeof kept === "object" && !Array.isArray(kept) ? kept : {};
  } catch {
    return {}; // unreadable, or not allowed
  }
}

/** @param {string} lesson @returns {Progress} */
export const progressIn = (lesson) => readProgress()[lesson] ?? {};

/** @param {string} lesson @param {Progress} change */
export function keep(lesson, change) {
  const all = readProgress();
  all[lesson] = { ...all[lesson], ...change };
  try {
    localStorage.setItem(KEY, JSON.stringify(all));
  } catch {
    return false; // no room, or not allowed: the lessons work without
  } finally {
    window.dispatchEvent(new Event("fm-progress"));
  }
  return true;
}

/** @param {string} lesson @param {number} experiment @param {Kept} run */
export const keepRun = (lesson, experiment, run) =>
  keep(lesson, { runs: { ...progressIn(lesson).runs, [experiment]: run } });

export function clearProgress() {
  try {
    localStorage.removeItem(KEY);
  } finally {
    window.dispatchEvent(new Event("fm-progress"));
  }
}
