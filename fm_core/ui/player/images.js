// The scene of the image flows: a grid of images, a film strip of the selected one, and the classifier's reading.
import { explainTheory } from "./chart.js";
import { mountOf } from "./controls.js";
import { createGrid } from "./grid.js";
import { probabilitiesAt, showStrips } from "./strip.js";
import { stateAt } from "./time.js";

/** @type {FM.Scene<FM.ImagesRun>} */
const scene = {
  options: () => ({ view: "x" }),
  dimensions: false,
  picture: createGrid,
  caption: ({ particles: n, seed }) => `${n} image${n > 1 ? "s" : ""}${seed === undefined ? "" : `, seed ${seed}`}`,
  figureOf({ particles }, side, state) {
    if (!side.probabilities) return "–";
    let total = 0;
    for (let index = 0; index < particles; index++) total += Math.max(...probabilitiesAt(side, state, index));
    return `${((100 * total) / particles).toFixed(0)} %`;
  },
  readOut(side, t, selected) {
    if (!side.probabilities) return "x_t and its states above";
    const chances = probabilitiesAt(side, stateAt(side.t.values, t), selected);
    const sure = Math.max(...chances);
    return `the classifier reads ${chances.indexOf(sure)} in its predicted end (${(100 * sure).toFixed(0)} % sure)`;
  },
  detail: showStrips,
  explainVariance(run) {
    const { covariance, spacing } = run.sides[0];
    const why = covariance
      ? `Both data sets are standardised, so Var X₀ = Var X₁ = 1; Cov(X₀, X₁) = ${covariance} although the images are ` +
        "paired by chance, because both are bright in the middle."
      : "Noise and standardised digits both have variance 1.";
    const solid = "Solid: measured over all images and pixels shown; few images scatter around theory.";
    const steps = `The k-th of N steps ends at t = (k/N)^${spacing}: short ones first, when shapes are decided.`;
    return `${explainTheory(run)} ${why} ${solid} ${steps}`;
  },
  traces: {
    variance: ({ statistics: { variance, theory } }, times, line) => [
      line("measured", times, variance[0], "solid"),
      line("theory", times, theory[0], "dash", 1.5),
    ],
    confidence: ({ statistics }, times, line) => [line("confidence", times, statistics.confidence, "solid")],
  },
};

export const mount = mountOf(scene);
