// The scene of the 2D flows: particles, arrows, paths, charts and figures.
import { explainTheory } from "./chart.js";
import { mountOf } from "./controls.js";
import { find } from "./dom.js";
import { createPanel } from "./panel.js";
import { positionAt } from "./particles.js";

const EXACT =
  "Dotted: the exact field with the same solver on the same noise, by which the network is judged; " +
  "how far it lies from theory is the solver's error, and chance.";

/** @type {FM.Scene<FM.PointsRun>} */
const scene = {
  options: (calm) => ({ paths: calm ? "whole" : "trails", arrows: "none", density: true }),
  dimensions: true,
  picture: createPanel,
  offer(root, { sides }, options) {
    const learned = sides.some(({ fields }) => fields.learned);
    const exact = sides.some(({ fields }) => fields.exact);
    const difference = sides.some(({ fields }) => fields.learned && fields.exact);
    const available = new Map(Object.entries({ none: true, learned, exact, difference }));
    const menu = find(root, '[data-option="arrows"]', HTMLSelectElement);
    for (const choice of menu.options) choice.disabled = !available.get(choice.value);
    if (!available.get(String(options.arrows))) menu.value = options.arrows = "none";
  },
  caption: ({ particles, seed }) => `${particles} particles, seed ${seed}`,
  figureOf: (_, { distances, floor }) => `${distances.values.at(-1)?.toPrecision(3)} (${floor.toPrecision(3)})`,
  readOut(side, now, selected) {
    const at = (/** @type {number} */ t) => positionAt(side, selected, t).map((x) => x.toFixed(3));
    return `x₀ = (${at(0).join(", ")}), x_t = (${at(now).join(", ")}), x₁ = (${at(1).join(", ")})`;
  },
  explainVariance: (run) =>
    `${explainTheory(run)} ${run.sides.some(({ statistics }) => statistics.exact.length) ? EXACT : ""}`,
  traces: {
    variance({ statistics: { variance, exact, theory }, fields }, times, line, dimensions) {
      const compared = exact.length && fields.learned;
      return (dimensions ? [1, 2] : [0]).flatMap((index) => {
        const which = ["", " x₁", " x₂"][index];
        const fade = { opacity: index === 2 ? 0.55 : 1 };
        return [
          line(`measured${which}`, times, variance[index], "solid", 2, fade),
          ...(compared ? [line(`exact, same solver${which}`, times, exact[index], "dot", 3, fade)] : []),
          line(`theory${which}`, times, theory[index], "dash", 1.5, fade),
        ];
      });
    },
    distance({ distances: { states, values }, floor }, times, line) {
      const at = states.map((state) => times[state]);
      return [line("W2", at, values, "solid"), line("sampling floor", [0, 1], [floor, floor], "dash", 1.5)];
    },
    speed: ({ statistics }, times, line) => [line("mean speed", times, statistics.speed, "solid")],
    straightness: ({ statistics: s }, times, line) => [line("distance / path length", times, s.straightness, "solid")],
  },
};

export const mount = mountOf(scene);
