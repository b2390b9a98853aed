// The scene of the 2D flows: particles, arrows, paths, charts and figures.
import { theoryFormula } from "./chart.js";
import { mountOf } from "./controls.js";
import { createPanel } from "./panel.js";
import { positionAt } from "./particles.js";
import { theoryLines } from "./theory.js";

const percent = (/** @type {number} */ part) => `${(100 * part).toFixed(1)}%`;

/** A dash where there is none, and nothing until it is known. @param {FM.PointsSide["flow_map"]} error */
function errorWords(error) {
  if (error === null) return "–";
  return error ? `${percent(error.median)}, ${percent(error.far)} of particles off` : "";
}

/** @type {Record<string, [string, string]>} */
const UNJUDGED = {
  exact: ["not for the exact field", "follows the exact field itself, whose error is 0 at every <i>t</i>."],
  ot: [
    "unknown for matched pairs",
    "has a network that learned from pairs matched by optimal transport. No formula of their exact field is known.",
  ],
  pairs: ["pairs have no field", "moves pairs, which have no field."],
};

/** Why a side has no field error, if it has none. @param {FM.PointsSide} side */
const unjudged = ({ velocity, coupling }) =>
  [UNJUDGED[velocity] ?? UNJUDGED[coupling]].filter((why) => why !== undefined);

/** @type {FM.Scene<FM.PointsRun>} */
export const scene = {
  options: (calm) => ({ layers: ["density", "particles", calm ? "paths" : "trails", "arrows"] }),
  dimensions: true,
  picture: createPanel,
  probed: ({ sides }) => sides.every(({ velocity }) => velocity !== "pairs"),
  offers({ sides }) {
    const both = sides.some(({ fields }) => fields.learned && fields.exact);
    const any = sides.some(({ fields }) => fields.learned ?? fields.exact);
    return { arrows: any, exact: both, difference: both };
  },
  lacking({ sides }, statistic) {
    const reasons = statistic === "field_error" ? sides.flatMap((side) => unjudged(side)) : [];
    if (!reasons.length || reasons.length < sides.length) return null;
    const named = reasons.map(([, why], k) => `${sides.length > 1 ? `Run ${"AB"[k]}` : "This run"} ${why}`);
    return [reasons[0][0], `There is no field error here. ${named.join(" ")}`];
  },
  onDemand: ["more"],
  lacks: ({ sides }, { statistic }) =>
    statistic === "distance" && sides[0].distances?.states.length === 1 ? ["more"] : [],
  caption: ({ source, target, particles, seed }) =>
    `${source} → ${target} · ${particles.toLocaleString("en")} particles, seed ${seed}`,
  figures: ({ statistics: { variance }, flow_map: error, distances, floor }, state) => [
    ["variance", variance[0][state].toFixed(2), variance[0].at(-1)?.toFixed(2) ?? ""],
    ["flow_map", "", errorWords(error)],
    ["distance", "", distances ? `${distances.values.at(-1)?.toFixed(2)} (chance alone: ${floor?.toFixed(2)})` : ""],
  ],
  readOut(side, now, selected) {
    const at = (/** @type {number} */ t) => positionAt(side, selected, t).map((x) => x.toFixed(3));
    return `x₀ = (${at(0).join(", ")}), xₜ = (${at(now).join(", ")}), x₁ = (${at(1).join(", ")})`;
  },
  explainVariance(run) {
    const dotted = run.sides.some(({ statistics, fields }) => statistics.exact?.length && fields.learned);
    const exact = dotted ? " Dotted: the exact field with the same solver on the same noise." : "";
    return `Line: measured. Band: theory, ${theoryFormula(run)}, ± 2 standard errors of this many samples.${exact}`;
  },
  traces: {
    variance({ statistics: { variance, exact }, theory, fields }, times, line, dimensions) {
      const compared = fields.learned && exact?.length ? exact : null;
      return (dimensions ? [1, 2] : [0]).flatMap((index) => {
        const which = ["", " x₁", " x₂"][index];
        const fade = { opacity: index === 2 ? 0.55 : 1 };
        return [
          line(`measured${which}`, times, variance[index], "solid", 2, fade),
          ...(compared ? [line(`exact, same solver${which}`, times, compared[index], "dot", 2.5, fade)] : []),
          ...theoryLines(theory, index, which, line),
        ];
      });
    },
    distance({ distances: { states, values } = { states: [], values: [] }, floor = 0 }, times, line) {
      const at = states.map((state) => times[state]);
      return [line("W2", at, values, "solid"), line("chance alone", [0, 1], [floor, floor], "dash", 1.5)];
    },
    field_error({ field_error: error }, _, line) {
      const { t, values } = error ?? { t: [], values: [] };
      const known = t.map((at, k) => /** @type {const} */ ([at, values[k]])).filter(([, value]) => value !== null);
      const [x, y] = [known.map(([at]) => at), known.map(([, value]) => Number(value))];
      return [line("field error", x, y, "solid", 2, { mode: "lines" })]; // its times are no states
    },
    speed: ({ statistics }, times, line) => [line("mean speed", times, statistics.speed, "solid")],
    straightness: ({ statistics: s }, times, line) => [line("distance / path length", times, s.straightness, "solid")],
  },
};

export const mount = mountOf(scene);
