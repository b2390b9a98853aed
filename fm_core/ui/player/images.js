// The scene of the image flows: a grid of images or a plane, a film strip of the selected one, and the reading of it.
import { theoryFormula } from "./chart.js";
import { mountOf } from "./controls.js";
import { createGrid } from "./grid.js";
import { createPlane } from "./plane.js";
import { probabilitiesAt, showStrips } from "./strip.js";
import { theoryLines } from "./theory.js";
import { stateAt } from "./time.js";

const mean = (/** @type {number[]} */ values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const plural = (/** @type {number} */ n) => `${n} image${n > 1 ? "s" : ""}`;
/** @param {FM.ImagesRun} run */
const counted = ({ particles, draws = 1 }) =>
  draws > 1 ? `1 picture, ${draws} draws of the noise` : plural(particles);
const sure = (/** @type {number | undefined} */ part) => (part === undefined ? "–" : `${(100 * part).toFixed(0)}%`);

const fixed = (/** @type {number | undefined} */ value) => value?.toFixed(2) ?? "";

/** The lines of a mean with a band. @param {number[][] | undefined} series @param {string} name @param {number[]} times
 * @param {FM.Line} line */
function bandLines([mean, low, high] = [[], [], []], name, times, line) {
  return [
    line(`mean ${name}`, times, mean, "solid"),
    line(`${name} of 8 in 10 −`, times, low, "solid", 0, "band"),
    line(`${name} of 8 in 10 +`, times, high, "solid", 0, "band"),
  ];
}

/** The views that need the velocities. */
const MOVING = ["end", "speed"];

/** @type {FM.Scene<FM.ImagesRun>} */
const scene = {
  options: () => ({ view: "x", layers: [] }),
  dimensions: false,
  picture(figure, run, index, options) {
    const planar = options.view === "plane" && run.plane && run.sides.every(({ plane }) => plane);
    return (planar ? createPlane : createGrid)(figure, run, index, options);
  },
  offers: ({ kind, sides, plane, agreement }, { view }) => ({
    plane: plane !== null, // which is not known at first
    nearest: kind === "digits",
    grid: kind === "digits" && (view !== "plane" || plane === null),
    agreement: sides.length > 1 && agreement !== null,
    theory: sides.every(({ typical }) => typical),
  }),
  onDemand: ["more", "last"],
  lacks({ sides }, { view, statistic }) {
    const more = MOVING.includes(String(view)) && !sides[0].v;
    const last = statistic === "steepness" && !sides[0].steepness;
    return [more ? "more" : "", last ? "last" : ""].filter(Boolean);
  },
  caption: (run) => `${run.source} → ${run.target} · ${counted(run)}, seed ${run.seed}`,
  figures: ({ statistics: { variance, confidence }, decided, nearest }, state, { agreement }) => [
    ["variance", variance[0][state].toFixed(2), variance[0].at(-1)?.toFixed(2) ?? ""],
    ["confidence", sure(confidence?.[state]), sure(confidence?.at(-1))],
    ["decided", "", decided ? `t = ${fixed(decided.median)}` : "–"],
    ["nearest", "", nearest ? `${fixed(mean(nearest.distances))} (test digits: ${fixed(nearest.usual)})` : ""],
    ["agreement", "", fixed(agreement?.all)],
  ],
  readOut(side, t, selected) {
    const { decided, nearest } = side;
    const near = nearest && `nearest: a ${nearest.labels[selected]} (${fixed(nearest.distances[selected])})`;
    if (!side.probabilities) return near ?? "its states are below";
    const chances = probabilitiesAt(side, stateAt(side.t.values, t), selected);
    const most = Math.max(...chances);
    const since = decided && `decided at t = ${fixed(decided.each[selected])}`;
    return [`read as ${chances.indexOf(most)} (${sure(most)})`, since, near].filter(Boolean).join(", ");
  },
  together: ({ agreement }, selected) => (agreement ? `r² of both ends: ${fixed(agreement.each[selected])}` : ""),
  unlinked: ({ query }) =>
    new URLSearchParams(query).get("clothes") === "own"
      ? "Your own pictures are not in it: they stay in this page."
      : "",
  detail: showStrips,
  explainVariance(run) {
    const solid = "Line: measured over all images and pixels shown.";
    if (!run.sides.every(({ typical }) => typical)) {
      return `${solid} No theory is shown: it is about clothes of all classes, and these are not.`;
    }
    const covariances = [...new Set(run.sides.map(({ covariance }) => covariance))].join(" (A) and ");
    const chance = run.sides.every(({ training }) => training !== "by-class")
      ? " although pairs are drawn by chance"
      : "";
    const why = run.sides[0].covariance
      ? "Both data sets are standardised, so Var <i>X</i><sub>0</sub> = Var <i>X</i><sub>1</sub> = 1; " +
        `Cov(<i>X</i><sub>0</sub>, <i>X</i><sub>1</sub>) = ${covariances}${covariances.includes("(A)") ? " (B)" : ""}` +
        `${chance}, because both are bright in the middle.`
      : "Noise and standardised digits both have variance 1.";
    const band = `Band: theory, ${theoryFormula(run)}, ± 2 standard errors of this many images.`;
    return `${solid} ${band} ${why}`;
  },
  traces: {
    variance: ({ statistics: { variance }, theory, typical }, times, line) => [
      line("measured", times, variance[0], "solid"),
      ...(typical ? theoryLines(theory, 0, "", line) : []),
    ],
    norm: ({ statistics }, times, line) => [
      ...bandLines(statistics.norm, "norm", times, line),
      line("shell of noise", [0, 1], [1, 1], "dash", 1),
    ],
    neighbour: ({ statistics, nearest }, times, line) => [
      ...bandLines(statistics.neighbour, "distance", times, line),
      line("test digits", [0, 1], nearest ? [nearest.usual, nearest.usual] : [], "dash", 1),
    ],
    speed: ({ statistics }, times, line) => bandLines(statistics.speed, "speed", times, line),
    steepness({ steepness }, times, line) {
      const { states, values } = steepness ?? { states: [], values: [] };
      return [
        line(
          "steepness",
          states.map((state) => times[state]),
          values,
          "solid",
        ),
      ];
    },
    confidence: ({ statistics }, times, line) => [line("confidence", times, statistics.confidence ?? [], "solid")],
  },
};

export const mount = mountOf(scene);
