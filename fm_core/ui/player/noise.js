// What is said of runs with noise on the way.

/** @typedef {Pick<FM.Side, "noise" | "drift">} Noise */

/** Whether noise is added on the way. @param {Noise} side */
export const isNoisy = ({ noise }) => noise > 0;

/** Whether that noise comes without the correction of the drift. @param {Noise} side */
export const isAlone = (side) => isNoisy(side) && side.drift === "uncorrected";

/** What a side is called by its noise. @param {Noise} side */
export function noiseName(side) {
  if (!isNoisy(side)) return "no noise";
  return `noise ${isAlone(side) ? "alone " : ""}(η = ${side.noise})`;
}

/** What a chart's statistic means with noise on the way, by the statistic's name.
 * @type {Record<string, string>} */
const MEANINGS = {
  variance: "Theory is the flow's: noise with its correction leaves it as it is.",
  speed: "With noise this is mostly the noise's own: the shorter the steps, the faster, without end.",
  straightness:
    "With noise the paths are random, and the longer, the shorter the steps: this says nothing of the flow.",
};
const ALONE = "Theory is the flow's: noise without its correction leaves it, on the exact field as well.";

/** The same for a run; nothing without noise. @param {{ sides: Noise[] }} run @param {string} statistic */
export function meaningOf({ sides }, statistic) {
  if (statistic === "variance" && sides.some(isAlone)) return ALONE;
  return sides.some(isNoisy) ? (MEANINGS[statistic] ?? "") : "";
}
