// The name of a saved file, after the setting of its run.

/** Letters, digits, points and hyphens, which every file system takes. @param {string} text */
const safe = (text) => text.replace(/[^A-Za-z0-9.]+/g, "-").replace(/^[-.]+|[-.]+$/g, "");

/** @typedef {{ flow: string, steps: number, solver?: string, spacing?: string, noise?: number, drift?: string }} Named */

/** The setting of one side, such as moons-linear-euler-50, as in snippets.py. @param {Named} side @param {string} usual */
const nameOf = ({ flow, solver, steps, spacing, noise, drift }, usual) => {
  const noisy = noise ? `noise${noise}${drift === "uncorrected" ? "-uncorrected" : ""}` : "";
  return [flow, solver, steps, spacing === usual ? "" : spacing, noisy].filter(Boolean).join("-");
};

/** Such as moons-linear-euler-5-vs-moons-linear-euler-50-seed0.gif.
 * @param {{ seed?: number, kind?: string, sides: Named[] }} run @param {string} ending */
export function fileName({ seed, kind, sides }, ending) {
  const usual = kind === "points" ? "equal" : "short-first"; // the spacing of the steps
  const seeded = seed === undefined ? "" : `-seed${seed}`;
  return `${safe(sides.map((side) => nameOf(side, usual)).join("-vs-") + seeded)}.${safe(ending)}`;
}
