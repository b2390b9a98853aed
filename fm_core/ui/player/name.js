// The name of a saved file, after the setting of its run.

/** Letters, digits, points and hyphens, which every file system takes. @param {string} text */
const safe = (text) => text.replace(/[^A-Za-z0-9.]+/g, "-").replace(/^[-.]+|[-.]+$/g, "");

/** The setting of one side, such as moons-linear-euler-50.
 * @param {{ flow: string, steps: number, solver?: string }} side */
const nameOf = ({ flow, solver, steps }) => [flow, solver, steps].filter((part) => part !== undefined).join("-");

/** Such as moons-linear-euler-5-vs-moons-linear-euler-50-seed0.gif.
 * @param {{ seed?: number, sides: { flow: string, steps: number, solver?: string }[] }} run @param {string} ending */
export function fileName({ seed, sides }, ending) {
  const seeded = seed === undefined ? "" : `-seed${seed}`;
  return `${safe(sides.map(nameOf).join("-vs-") + seeded)}.${safe(ending)}`;
}
