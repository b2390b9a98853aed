// The scene of the image flows: a grid of images, a film strip of the selected one, and the classifier's reading.
import { theoryFormula } from "./chart.js";
import { mountOf } from "./controls.js";
import { createGrid } from "./grid.js";
import { probabilitiesAt, showStrips } from "./strip.js";
import { theoryLines } from "./theory.js";
import { stateAt } from "./time.js";

const plural = (/** @type {number} */ n) => `${n} image${n > 1 ? "s" : ""}`;
const sure = (/** @type {number | undefined} */ part) => (part === undefined ? "–" : `${(100 * part).toFixed(0)}%`);

/** @type {FM.Scene<FM.ImagesRun>} */
const scene = {
  options: () => ({ view: "x", layers: [] }),
  dimensions: false,
  picture: createGrid,
  offers: () => ({}),
  lacks: ({ sides }, { view }) => view !== "x" && !sides[0].v,
  caption: ({ source, target, particles: n, seed }) => `${source} → ${target} · ${plural(n)}, seed ${seed}`,
  figures: ({ statistics: { variance, confidence } }, state) => [
    ["variance", variance[0][state].toFixed(2), variance[0].at(-1)?.toFixed(2) ?? ""],
    ["confidence", sure(confidence?.[state]), sure(confidence?.at(-1))],
  ],
  readOut(side, t, selected) {
    if (!side.probabilities) return "its states are below";
    const chances = probabilitiesAt(side, stateAt(side.t.values, t), selected);
    const most = Math.max(...chances);
    return `read as ${chances.indexOf(most)} (${sure(most)})`;
  },
  unlinked: ({ query }) =>
    new URLSearchParams(query).get("clothes") === "own"
      ? "Your own pictures are not in it: they stay in this page."
      : "",
  detail: showStrips,
  explainVariance(run) {
    const { covariance } = run.sides[0];
    const why = covariance
      ? "Both data sets are standardised, so Var <i>X</i><sub>0</sub> = Var <i>X</i><sub>1</sub> = 1; " +
        `Cov(<i>X</i><sub>0</sub>, <i>X</i><sub>1</sub>) = ${covariance} although the images are ` +
        "paired by chance, because both are bright in the middle."
      : "Noise and standardised digits both have variance 1.";
    const solid = "Line: measured over all images and pixels shown.";
    const band = `Band: theory, ${theoryFormula(run)}, ± 2 standard errors of this many images.`;
    return `${solid} ${band} ${why}`;
  },
  traces: {
    variance: ({ statistics: { variance }, theory }, times, line) => [
      line("measured", times, variance[0], "solid"),
      ...theoryLines(theory, 0, "", line),
    ],
    norm: (
      {
        statistics: {
          norm: [mean, low, high],
        },
      },
      times,
      line,
    ) => [
      line("mean norm", times, mean, "solid"),
      line("norm of 8 in 10 −", times, low, "solid", 0, "band"),
      line("norm of 8 in 10 +", times, high, "solid", 0, "band"),
      line("shell of noise", [0, 1], [1, 1], "dash", 1),
    ],
    confidence: ({ statistics }, times, line) => [line("confidence", times, statistics.confidence ?? [], "solid")],
  },
};

export const mount = mountOf(scene);
