// Number fields while they are typed into.

const ROUNDING = 1e-9;

/** What a field accepts. A step below 1 is kept to; larger ones are the slider's alone, and any whole number is right.
 * @typedef {{ least: number, most: number, step: number }} Limits */

/** @param {HTMLInputElement} input @returns {Limits} */
export function limitsOf({ min, max, step }) {
  const limits = { least: Number(min || 0), most: Number(max || Number.MAX_SAFE_INTEGER) };
  return { ...limits, step: Math.min(Number(step) || 1, 1) };
}

/** The number nearest to the given one that is accepted; without one, the least. @param {number} given @param {Limits} limits */
export function nearest(given, { least, most, step }) {
  if (Number.isNaN(given)) return least;
  const clamped = Math.min(Math.max(given, least), most);
  return Number((Math.round(clamped / step) * step).toFixed(9));
}

/** What a field accepts, in words. @param {Limits} limits */
export function inWords({ least, most, step }) {
  const range = `number from ${least} to ${most}`;
  return step < 1 ? `a ${range} in steps of ${step}` : `a whole ${range}`;
}

/** Whether an element is a number field that has no number which it accepts, perhaps not yet. That of the particle to
 * follow may be empty. @param {unknown} element @returns {element is HTMLInputElement} */
export function isUnfinished(element) {
  if (!(element instanceof HTMLInputElement)) return false;
  if (!element.matches(".fm-controls [type=number], .fm-particle")) return false;
  if (element.matches(".fm-particle") && element.value === "" && !element.validity.badInput) return false;
  const given = element.valueAsNumber;
  return !(Math.abs(nearest(given, limitsOf(element)) - given) < ROUNDING);
}
