// In what two sides differ, and what each is called by it.
import { count } from "./counts.js";
import { noiseName } from "./noise.js";
import { isPerfect } from "./sentence_look.js";

/** @typedef {import("./sentence_look.js").Side} Side */
/** @typedef {import("./sentence_look.js").Run} Run */

/** @type {Record<string, string>} */
const NAMES = {
  learned: "the network",
  exact: "the exact field",
  "relu-output": "the ReLU network",
  "one-step": "the one-step network",
  perfect: "the perfect network",
  independent: "independent pairs",
  ot: "optimal transport",
};

/** @type {Record<string, string>} */
const SPACINGS = { equal: "equal steps", "short-first": "short steps first", "short-last": "short steps last" };

/** @param {Side} side */
const windowOf = ({ window }) => (window ? `window ${window}` : "the whole image");

/** What each setting is called, and what a side is called by it.
 * @type {Record<string, { title: string, of: (side: Side) => string }>} */
export const SETTINGS = {
  velocity: { title: "the field", of: ({ velocity = "" }) => NAMES[velocity] },
  coupling: { title: "the pairing in training", of: ({ coupling = "" }) => NAMES[coupling] ?? coupling },
  training: { title: "the training", of: ({ training_title = "" }) => training_title },
  group: { title: "the size of the groups", of: ({ group }) => (group ? `groups of ${group}` : "") },
  schedule: { title: "the schedule", of: ({ schedule }) => schedule },
  steps: { title: "the number of steps", of: ({ steps }) => count(steps, "step") },
  spacing: { title: "the spacing of the steps", of: ({ spacing }) => SPACINGS[spacing] ?? "" },
  noise: { title: "the noise on the way", of: noiseName },
  solver: { title: "the solver", of: ({ solver_title }) => solver_title },
  window: { title: "the window", of: (side) => (isPerfect(side) ? windowOf(side) : "") },
  until: { title: "the time of the hand-over", of: (side) => (isPerfect(side) ? `until t = ${side.until}` : "") },
};
/** What belongs to another setting, and is not named if that differs, too. @type {Record<string, string>} */
const PARTS = { group: "coupling", window: "velocity", until: "velocity" };

/** Names of SETTINGS; at equal cost, the steps belong to the solver. @param {Run} run */
export function differencesOf({ sides: [a, b] }) {
  const all = Object.keys(SETTINGS).filter((name) => SETTINGS[name].of(a) !== SETTINGS[name].of(b));
  const names = all.filter((name) => !all.includes(PARTS[name]));
  return names.join() === "steps,solver" && a.nfe === b.nfe ? ["solver"] : names;
}

/** @param {Run} run @param {number} index */
export function nameOf(run, index) {
  const names = differencesOf(run);
  return names.length === 1 ? SETTINGS[names[0]].of(run.sides[index]) : "AB"[index];
}

/** Whether the sides differ in this alone. @param {Run} run @param {string} name */
export const onlyIn = (run, name) => differencesOf(run).join() === name;
