// The scene of the 2D flows: particles, arrows, paths; what their charts and figures say. Layout of the data:
// fm_core/ui/wire.py.

/** Decode {header, data} into typed arrays. Each side gets `states` (T, n, 2) and `fields` {name: (times, grid², 2)}. */
async function decodeToy({ header, data }) {
  const take = taker(await bytes(data));
  const sides = header.sides.map((side) => ({
    ...side,
    states: take(Int16Array, (side.steps + 1) * header.particles * 2),
  }));
  const fieldLength = header.times * header.grid ** 2 * 2;
  for (const side of sides) {
    const scales = side.fields;
    side.fields = {};
    for (const name of Object.keys(scales)) {
      side.fields[name] = { values: take(Int16Array, fieldLength), scale: scales[name] };
    }
  }
  return { ...header, sides, density: take(Uint8Array, header.pixels ** 2) };
}

/** Coordinates of a particle at time t; between two states it moves in a straight line. */
function positionAt(run, side, particle, t) {
  const { state, fraction } = locate(side, t);
  const from = (state * run.particles + particle) * 2;
  const to = from + run.particles * 2;
  return [0, 1].map((d) => side.scale * (side.states[from + d] * (1 - fraction) + side.states[to + d] * fraction));
}

/** Only arrows that some side has can be chosen. */
function offerArrows(find, run, options) {
  const has = (name) => run.sides.some((side) => side.fields[name]);
  const both = run.sides.some((side) => side.fields.learned && side.fields.exact);
  const available = { none: true, learned: has("learned"), exact: has("exact"), difference: both };
  const menu = find('[data-option="arrows"]');
  for (const choice of menu.options) choice.disabled = !available[choice.value];
  if (!available[options.arrows]) menu.value = options.arrows = "none";
}

/** The path's own variance, with the schedules shown, and what the other curve is for. */
function explainVariance(run) {
  const exact = "Dotted: the exact field with the same solver on the same noise, by which the network is judged; how far " +
    "it lies from theory is the solver's error, and chance.";
  const hasExact = run.sides.some((side) => side.statistics.exact.length);
  return `${explainTheory(run)} ${hasExact ? exact : ""}`;
}

/** Measured; the exact field under the same solver; the flow's theory. Index 0 is the mean, 1 and 2 the dimensions. */
function varianceTraces(side, times, line, dimensions) {
  const { variance, exact, theory } = side.statistics;
  const shown = dimensions ? [1, 2] : [0];
  return shown.flatMap((index) => {
    const which = index ? ` x${"₁₂"[index - 1]}` : "";
    const fade = { opacity: index === 2 ? 0.55 : 1 };
    const isExact = Object.keys(side.fields).length === 1 && side.fields.exact;
    return [
      line(`measured${which}`, times, variance[index], "solid", 2, fade),
      ...(exact.length && !isExact ? [line(`exact, same solver${which}`, times, exact[index], "dot", 3, fade)] : []),
      line(`theory${which}`, times, theory[index], "dash", 1.5, fade),
    ];
  });
}

function distanceTraces(side, times, line) {
  const { states, values } = side.distances;
  const floor = line("sampling floor", [0, 1], [side.floor, side.floor], "dash", 1.5);
  return [line("W2", states.map((state) => state / side.steps), values, "solid"), floor];
}

const series = (name, title) => (side, times, line) => {
  const values = side.statistics[name];
  return [line(title, times.slice(0, values.length), values, "solid")];
};

const scene = {
  subject: "particle",
  article: "a",
  dimensions: true, // the variance has a curve for each of two dimensions
  options: (calm) => ({ paths: calm ? "whole" : "trails", arrows: "none", density: true }),
  restyling: ["density"],
  decode: decodeToy,
  createPanel,
  offer: offerArrows,
  caption: (run) => `${run.particles} particles, seed ${run.seed}`,
  figure: {
    textContent: "W2 (floor)",
    title: "At t = 1: exact W2 between at most 256 particles and as many fresh samples; the floor is the same between fresh samples and others",
  },
  figureOf: (run, side) => `${side.distances.values.at(-1).toPrecision(3)} (${side.floor.toPrecision(3)})`,
  readOut: (run, now, selected) => `Particle ${selected}: ` + run.sides
    .map((side, index) => {
      const at = (t) => `(${positionAt(run, side, selected, t).map((x) => x.toFixed(3)).join(", ")})`;
      const name = run.sides.length > 1 ? `${"AB"[index]} ` : "";
      return `${name}x₀ = ${at(0)}, x_t = ${at(now)}, x₁ = ${at(1)}`;
    })
    .join("; "),
  statistics: {
    variance: { title: "variance", explain: explainVariance, traces: varianceTraces },
    distance: {
      title: "W2 to the target",
      explain: () => "Exact 2-Wasserstein distance from the first 256 particles at most to as many fresh samples of the " +
        "data set. Dashed: the same between fresh samples and others, so no flow can be expected to come closer.",
      traces: distanceTraces,
    },
    speed: {
      title: "mean speed",
      explain: () => "Distance travelled in a step over the time it takes, averaged over the particles.",
      traces: series("speed", "mean speed"),
    },
    straightness: {
      title: "straightness of paths",
      explain: () => "Distance from the start over the length of the path so far, both averaged over the particles: " +
        "1 where all paths are straight.",
      traces: series("straightness", "distance / path length"),
    },
  },
};
