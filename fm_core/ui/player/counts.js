// Numbers and lists in words.

/** @param {number} value */
export const fixed = (value) => value.toFixed(2);
/** Without zeros after the point. @param {number} value */
export const short = (value) => fixed(value).replace(/\.00$/, "");
/** @param {number} share */
export const percent = (share) => (share > 0 && share < 0.005 ? "under 1%" : `${Math.round(100 * share)}%`);
/** @param {number} n @param {string} noun */
export const count = (n, noun) => `${n.toLocaleString("en-US")} ${noun}${n === 1 ? "" : "s"}`;
/** @param {number} n */
export const times = (n) => (n === 1 ? "once" : count(n, "time"));
/** @param {number} n */
export const jumps = (n) => (n === 1 ? "one jump" : `${n} jumps`);
/** @param {string[]} names */
export const list = (names) => names.join(", ").replace(/, (?=[^,]*$)/, " and ");
