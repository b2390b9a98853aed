// What the probe asks for and says, without the page.

/** @typedef {[label: string, mark: string, value: string]} Term */

const UNLIKELY = -6; // nats: where log p is lower, hardly anything passes, and solvers are not to be trusted
const REST = 1e-3; // a velocity that has no direction

const MEAN =
  "Each line is the path of a training pair that passes here at this time, the stronger, the more probable. The mean of their velocities is the exact arrow.";
const RARE =
  "Hardly any training pair passes here at this time. Each line is the path of one that would, the stronger, the more probable. The mean of their velocities is the exact arrow.";
const UNKNOWN =
  "These pairs were matched by optimal transport, and no formula says which of them pass here, so only the network's arrow is shown.";
const WAY = " The line without dots is the way of a particle that is here now";

/** The values of a request. @param {FM.PointsRun} run @param {number[]} at @param {number} t */
export function valuesOf({ ends, sides }, [x, y], t) {
  const [a, b = a] = sides.map(({ schedule, coupling, velocity }) => ({ schedule, coupling, velocity }));
  const ofB = Object.fromEntries(Object.entries(b).map(([name, value]) => [`${name}_b`, value]));
  const at = { x: round(x), y: round(y), t: round(t) };
  return { ...ends, ...at, compare: sides.length > 1, ...a, ...ofB };
}
const round = (/** @type {number} */ value) => Number(value.toFixed(4)) + 0; // never -0

/** The angle between two velocities in degrees, and by which part the first is longer; null if one rests.
 * @param {number[]} v @param {number[]} exact */
export function errorOf(v, exact) {
  const lengths = [v, exact].map(([x, y]) => Math.hypot(x, y));
  if (Math.min(...lengths) < REST) return null;
  const [cross, dot] = [v[0] * exact[1] - v[1] * exact[0], v[0] * exact[0] + v[1] * exact[1]];
  return { angle: (180 / Math.PI) * Math.abs(Math.atan2(cross, dot)), longer: lengths[0] / lengths[1] - 1 };
}

/** @param {number} value */
const figure = (value) => value.toFixed(2).replace("-0.00", "0.00").replace("-", "−");
const pair = (/** @type {number[]} */ v) => `(${v.map(figure).join(", ")})`;

/** Whether hardly any training pair passes, so that no network can know the arrow. @param {FM.ProbedSide} side */
const isRare = ({ log_density }) => (log_density ?? 0) < UNLIKELY;

/** How a side's arrow compares. @param {FM.ProbedSide} side */
export function verdict(side) {
  const { learned, exact } = side;
  if (!learned) return "the exact field, without a network";
  if (!exact) return "only the network's arrow is known";
  if (isRare(side)) return "hardly any training pair passes here, so the network has not learned this arrow";
  const error = errorOf(learned, exact);
  if (!error) return "one of the arrows has no length";
  const percent = Math.round(100 * Math.abs(error.longer));
  const length = percent ? `${percent}% too ${error.longer > 0 ? "long" : "short"}` : "as long as the exact one";
  return `the network's arrow is ${error.angle.toFixed(1)}° off and ${length}`;
}

/** The line beneath the picture. @param {number[]} at @param {FM.Probed | null} found */
export function readOut(at, found) {
  const [a, b] = found?.sides.map(verdict) ?? [];
  const said = b ? `. A: ${a}; B: ${b}` : a ? `: ${a}` : "";
  return `At ${pair(at)}${said}.`;
}

/** What the mean is, or why there is none, and what the lines are, once the flow is known.
 * @param {FM.ProbedSide[]} sides @param {FM.ProbedFlow | null} flow */
export function sentenceOf(sides, flow) {
  const said = sides.map((side) => (side.exact ? (isRare(side) ? RARE : MEAN) : UNKNOWN));
  const named = new Set(said).size > 1 ? said.map((sentence, k) => `${"AB"[k]}: ${sentence}`).join(" ") : said[0];
  if (!flow) return named;
  const dashed = flow.sides.some(({ lines }) => lines.exact) ? ", dashed on the exact field" : "";
  return `${named}${WAY}${dashed}.`;
}

/** The figures of a side. @param {FM.ProbedSide} side @param {FM.Densities} [log_p] @returns {Term[]} */
export function termsOf({ learned, exact, x_0, x_1 }, log_p) {
  const terms = /** @type {Term[]} */ ([]);
  if (learned) terms.push(["network's arrow", "network", pair(learned)]);
  if (exact) terms.push(["exact arrow", "exact", pair(exact)]);
  if (x_0) terms.push(["starts, mean E[X₀ | x]", "start", pair(x_0)]);
  if (x_1) terms.push(["ends, mean E[X₁ | x]", "end", pair(x_1)]);
  if (log_p) terms.push(["log p(x) now", "", densities(log_p)]);
  return terms;
}

/** @param {FM.Densities} log_p */
function densities({ flow, closed }) {
  if (closed === null) return flow < UNLIKELY ? "very low" : `${figure(flow)} by the flow`;
  if (Math.min(flow, closed) < UNLIKELY) return "very low: hardly any path passes here";
  return `${figure(flow)} by the flow, ${figure(closed)} by the formula, difference ${figure(flow - closed)}`;
}
