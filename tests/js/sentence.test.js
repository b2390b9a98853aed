import assert from "node:assert/strict";
import { test } from "node:test";
import { sentenceOf } from "../../fm_core/ui/player/sentence.js";
import * as tables from "../../fm_core/ui/player/sentences.js";
import * as comparedTables from "../../fm_core/ui/player/sentences_compared.js";
import { stateAt } from "../../fm_core/ui/player/time.js";

const LONGEST = 190;
const USUAL = 150;
const PHASES = [0, 0.08, 0.4, 0.62, 1]; // where they begin

const PATHS = {
  linear: (t) => [1 - t, t],
  cosine: (t) => [Math.cos((Math.PI * t) / 2), Math.sin((Math.PI * t) / 2)],
  quadratic: (t) => [(1 - t) ** 2, t ** 2],
  "custom (1π, 0.5π)": (t) => [Math.cos(Math.PI * t), Math.sin((Math.PI * t) / 2)],
  "custom (0.25π, 0.25π)": (t) => [Math.cos((Math.PI * t) / 4), Math.sin((Math.PI * t) / 4)],
};
const EVALUATIONS = { Euler: 1, midpoint: 2, Heun: 2, RK4: 4 };
const SOURCES = { "N(0, I)": 1, "Eight Gaussians": 2.02, "Gaussian noise": 1, "Fashion-MNIST clothes": 1 };
const TARGETS = { Moons: 0.5, "N((1, 1), I)": 1, "Eight Gaussians": 2.02, "Swiss roll": 1.85, "MNIST digits": 1 };

/** A side whose variance is that of theory, times `shrunk` at the end; other figures as given. */
function sideOf(
  [from, to],
  {
    schedule = "linear",
    steps = 50,
    solver = "Euler",
    shrunk = 1,
    start = 1,
    covariance = 0,
    noise = 0,
    drift = "corrected",
    spacing = "equal",
    ...more
  },
) {
  const theory = (t) => {
    const [alpha, beta] = PATHS[schedule](t);
    return alpha ** 2 * from + beta ** 2 * to + 2 * alpha * beta * covariance;
  };
  const times = Float32Array.from({ length: steps + 1 }, (_, k) => k / steps);
  const variance = Array.from(times, (t) => theory(t) * (start * (1 - t) + t * shrunk));
  const fine = Array.from({ length: 101 }, (_, k) => k / 100);
  return {
    schedule,
    steps,
    noise,
    drift,
    spacing,
    solver: solver.toLowerCase(),
    solver_title: solver,
    nfe: steps * EVALUATIONS[solver],
    t: { values: times, shape: [steps + 1], scale: 1 },
    theory: { t: fine, values: [fine.map(theory)], errors: [fine.map((t) => 0.02 * theory(t))] },
    statistics: { variance: [variance], ...more.statistics },
    ...more.figures,
  };
}

/** A run of points of one side, or two, each with what differs from a learned linear run of 50 Euler steps. */
function points({ source = "N(0, I)", target = "Moons", particles = 2000 }, ...sides) {
  const made = sides.map(
    ({ velocity = "learned", coupling = "independent", far = 0.02, w2 = 0.22, exact, ...more }) => {
      const straight = coupling === "ot" ? 0.99 : 0.8;
      const straightness = Array.from({ length: (more.steps ?? 50) + 1 }, (_, k) => (k ? straight : 1));
      const map = velocity === "exact" || coupling === "ot" ? null : { median: 0.012, far };
      const distances = { states: [0, more.steps ?? 50], values: [1, w2] };
      const figures = { velocity, coupling, flow_map: map, distances, floor: 0.2 };
      return sideOf([SOURCES[source], TARGETS[target]], {
        ...more,
        statistics: { straightness, exact: exact && [[1, exact]] },
        figures,
      });
    },
  );
  return { kind: "points", source, target, particles, seed: 0, sides: made };
}

/** A run of training pairs of one side, or two. */
function pairs({ source = "N(0, I)", target = "Moons", particles = 2000 }, ...sides) {
  const made = sides.map(({ coupling = "independent", group = null, ...more }) => {
    const end = PATHS[more.schedule ?? "linear"](1).map((value) => Math.round(1e4 * value) / 1e4);
    const [crossing, distance2] = coupling === "ot" ? [0.04, 1.3] : [0.23, 3.2];
    const distances = { states: [0, more.steps ?? 50], values: [1, 0.21] };
    const figures = { velocity: "pairs", coupling, group, end, flow_map: null, distances, floor: 0.2 };
    const side = sideOf([SOURCES[source], TARGETS[target]], {
      ...more,
      statistics: { crossing, distance2, straightness: [] },
      figures,
    });
    return { ...side, nfe: 0, solver: "", solver_title: "" };
  });
  return { kind: "points", source, target, particles, seed: 0, sides: made };
}

/** A run of images, with the classifier's confidence rising from 30% to 97%, or without. */
function images({ kind = "digits", particles = 16, read = true, draws = 1 }, ...sides) {
  const source = kind === "digits" ? "Gaussian noise" : "Fashion-MNIST clothes";
  const made = sides.map((more) => {
    const n = more.steps ?? 20;
    const confidence = read ? Array.from({ length: n + 1 }, (_, k) => 0.3 + (0.67 * k) / n) : [];
    return sideOf([1, 1], { steps: n, ...more, statistics: { confidence } });
  });
  return { kind, source, target: "MNIST digits", particles, draws, seed: 0, sides: made };
}

/** Without the figures that come later. */
function unmeasured(run) {
  const sides = run.sides.map(({ distances, floor, flow_map, ...side }) => side);
  return { ...run, sides };
}

const translation = { kind: "translation", particles: 10 };
const relu = { velocity: "relu-output", far: 0.62, w2: 0.41 };
const matched = { coupling: "ot", covariance: 0.6 };
const onestep = { velocity: "one-step", steps: 1, shrunk: 0 };
const grouped = { ...matched, group: 8 };
const stray = { schedule: "custom (1π, 0.5π)" };
const alone = { noise: 1, drift: "uncorrected", shrunk: 2.4 };
const perfect = { figures: { velocity: "perfect", window: null, until: 1 } };
const clean = { training: "clean", training_title: "clean clothes", source_noise: 0 };
const plain = { training: "plain", training_title: "clean clothes by plain Adam", source_noise: 0 };
const usual = { training: "random-pairs", training_title: "random pairs", source_noise: 0.5 };
const byClass = { training: "by-class", training_title: "pairs of one class", source_noise: 0.25 };
const RUNS = {
  linear: points({}, {}),
  cosine: points({}, { schedule: "cosine" }),
  growing: points({ target: "Eight Gaussians" }, { schedule: "cosine" }),
  dipping: points({ target: "Swiss roll" }, {}),
  gaussian: points({ target: "N((1, 1), I)" }, {}),
  level: points({ target: "N((1, 1), I)" }, { schedule: "cosine" }),
  elsewhere: points({ source: "Eight Gaussians" }, {}),
  exact: points({}, { velocity: "exact" }),
  relu: points({}, relu),
  matched: points({}, matched),
  short: points({}, { steps: 10, shrunk: 0.8 }),
  "one step": points({}, { steps: 1, shrunk: 0 }),
  "one step beside": points({}, { steps: 1, shrunk: 1.8, w2: 0.8 }),
  "five steps": points({}, { steps: 5, shrunk: 0.66, w2: 0.37 }),
  "five good steps": points({}, { steps: 5, solver: "RK4" }),
  "one good step": points({}, { steps: 1, coupling: "ot", covariance: 0.6 }),
  many: points({ particles: 5000, target: "N((1, 1), I)" }, { steps: 200 }),
  schedules: points({}, {}, { schedule: "cosine" }),
  steps: points({}, { steps: 5, shrunk: 0.66 }, { steps: 50 }),
  strays: points({}, { far: 0.09 }),
  cost: points({}, { steps: 40 }, { steps: 10, solver: "RK4" }),
  solvers: points({}, { steps: 10, shrunk: 0.85 }, { steps: 10, solver: "Heun" }),
  fields: points({}, {}, { velocity: "exact" }),
  "ReLU or not": points({}, {}, relu),
  "for one step": points({}, onestep),
  "for one step, in many": points({}, { velocity: "one-step", shrunk: 1.4, far: 0.9, w2: 0.9 }),
  "for one step, asked twice": points({}, { ...onestep, solver: "midpoint", shrunk: 0.5, far: 0.9 }),
  "for one step or not, asked twice": points(
    {},
    { steps: 1, solver: "midpoint", shrunk: 0.5 },
    { ...onestep, solver: "midpoint", shrunk: 0.5 },
  ),
  "for one step or not": points({}, { steps: 1, shrunk: 0 }, onestep),
  "for one step, or exact": points({}, onestep, { velocity: "exact", steps: 1, shrunk: 0 }),
  "for one step or not, in many": points({}, {}, { velocity: "one-step", shrunk: 1.4, far: 0.9, w2: 0.9 }),
  pairings: points({ target: "Eight Gaussians" }, {}, { coupling: "ot", covariance: 1.2 }),
  several: points({}, {}, { schedule: "cosine", steps: 5, solver: "RK4" }),
  same: points({}, {}, {}),
  "at level": points({ target: "N((1, 1), I)" }, {}, { schedule: "cosine" }),
  "at level, turned": points({ target: "N((1, 1), I)" }, { schedule: "cosine" }, {}),
  noisy: points({}, { noise: 1 }),
  "noisy, of many ends": points({}, { noise: 3, far: 0.4 }),
  "noisy, in three steps": points({}, { noise: 1, steps: 3 }),
  "noisy, too coarse": points({}, { noise: 3, steps: 10, shrunk: 1.3, exact: 0.66 }),
  "noisy, bad network": points({}, { noise: 3, steps: 10, shrunk: 1.3, exact: 0.51 }),
  "noisy, cosine": points({}, { noise: 1, schedule: "cosine" }),
  "noise alone": points({}, { ...alone, exact: 1.17 }),
  "noise alone, exact": points({}, { ...alone, velocity: "exact" }),
  "noise alone, unmeasured": unmeasured(points({}, alone)),
  "noise or not": points({}, {}, { noise: 1 }),
  "noise or not, unmeasured": unmeasured(points({}, {}, { noise: 1 })),
  "noise and noise alone": points({}, { noise: 1 }, { ...alone, exact: 1.17 }),
  "noise, steps": points({}, { noise: 1 }, { noise: 1, steps: 200 }),
  "noise, fields": points({}, { noise: 1 }, { noise: 1, velocity: "exact" }),
  "noise alone, schedules": points({ target: "N((1, 1), I)" }, alone, { ...alone, schedule: "cosine" }),
  "noise and another spacing": points({}, {}, { noise: 1, spacing: "short-last" }),
  spacings: points({}, {}, { spacing: "short-last" }),
  unmeasured: unmeasured(points({}, {})),
  "unmeasured, compared": unmeasured(points({}, { steps: 5 }, { steps: 50 })),
  pairs: pairs({}, {}),
  "pairs, cosine": pairs({}, { schedule: "cosine" }),
  "pairs, dipping": pairs({ target: "Swiss roll" }, {}),
  "pairs at level": pairs({ target: "N((1, 1), I)" }, { schedule: "cosine" }),
  "pairs, lower": pairs({ target: "Eight Gaussians" }, { shrunk: 0.5 }),
  "pairs matched": pairs({}, grouped),
  "pairs in one step": pairs({}, { steps: 1 }),
  "pairs in four steps": pairs({}, { steps: 4 }),
  "pairs astray": pairs({}, stray),
  "pairs part of the way": pairs({}, { schedule: "custom (0.25π, 0.25π)" }),
  "pairs unmeasured": unmeasured(pairs({}, {})),
  "pairs, schedules": pairs({ target: "N((1, 1), I)" }, {}, { schedule: "cosine" }),
  "pairs, schedules, turned": pairs({ target: "N((1, 1), I)" }, { schedule: "cosine" }, {}),
  "pairs, unequal ends": pairs({}, {}, { schedule: "cosine" }),
  "pairs, one astray": pairs({}, { schedule: "cosine" }, stray),
  "pairs, couplings": pairs({}, {}, grouped),
  "pairs, groups": pairs({}, grouped, { ...grouped, group: 512 }),
  "pairs, steps": pairs({}, { steps: 4 }, { steps: 50 }),
  "pairs, same": pairs({}, {}, {}),
  "pairs, several": pairs({}, {}, { ...grouped, schedule: "cosine" }),
  "unmeasured, fields": unmeasured(points({}, {}, { velocity: "exact" })),
  "unmeasured, ReLU": unmeasured(points({}, relu)),
  digits: images({}, {}),
  "digits, cosine": images({}, { schedule: "cosine" }),
  "digits unread": images({ read: false }, {}),
  "digits in one step": images({}, { steps: 1, shrunk: 0.3 }),
  "digits in three steps": images({}, { steps: 3 }),
  "digits in three steps, unread": images({ read: false }, { steps: 3 }),
  "digits compared": images({}, {}, { schedule: "cosine" }),
  "digits compared unread": images({ read: false }, {}, { schedule: "cosine" }),
  "digits, steps": images({}, { steps: 2 }, { steps: 20 }),
  "digits, noisy": images({}, { noise: 1 }),
  "digits, noise alone": images({}, { ...alone }),
  "digits, noise or not": images({}, {}, { noise: 1 }),
  "digits, noise or not, unread": images({ read: false }, {}, { noise: 1 }),
  perfect: images({}, perfect),
  "perfect, unread": images({ read: false }, perfect),
  "perfect, cosine": images({}, { ...perfect, schedule: "cosine" }),
  "perfect in one step": images({}, { ...perfect, steps: 1, shrunk: 0.3 }),
  "perfect in three steps": images({}, { ...perfect, steps: 3 }),
  "perfect with a window": images({}, { ...perfect, figures: { ...perfect.figures, window: 11 } }),
  "perfect, handed over": images({}, { ...perfect, figures: { ...perfect.figures, until: 0.3 } }),
  "perfect, handed over at once": images({}, { ...perfect, figures: { ...perfect.figures, until: 0 } }),
  "perfect with noise": images({}, { ...perfect, figures: { ...perfect.figures, noise: 1 } }),
  "perfect or not": images({}, perfect, { figures: { velocity: "learned", window: null, until: 1 } }),
  windows: images({}, perfect, { ...perfect, figures: { ...perfect.figures, window: 11 } }),
  "hand-overs": images({}, perfect, { ...perfect, figures: { ...perfect.figures, until: 0.3 } }),
  "image spacings": images(translation, { figures: { spacing: "equal" } }, { figures: { spacing: "short-first" } }),
  "noise or none": images({}, {}, { figures: { noise: 1 } }),
  clothes: images(translation, {}),
  "one picture": images({ ...translation, particles: 1 }, {}),
  "clothes unread": images({ ...translation, read: false }, {}),
  "clothes in four steps": images(translation, { steps: 4 }),
  "sandals in four steps": images(translation, { steps: 4, start: 0.55, figures: { typical: false } }),
  "sandals compared": images(
    translation,
    ...["linear", "cosine"].map((schedule) => ({ schedule, start: 0.55, figures: { typical: false } })),
  ),
  "clothes of one class": images(translation, {
    figures: { ...byClass, right: { digits: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], count: 9 } },
  }),
  "one picture of one class": images(
    { ...translation, draws: 10 },
    { figures: { ...byClass, right: { digits: Array(10).fill(0), count: 8 } } },
  ),
  "clean clothes": images(translation, { figures: clean }),
  "one clean picture": images({ ...translation, draws: 10 }, { figures: clean }),
  "draws without noise and with it": images({ ...translation, draws: 10 }, { figures: clean }, { figures: usual }),
  "draws with noise and without it": images({ ...translation, draws: 10 }, { figures: usual }, { figures: clean }),
  "own clothes of one class": images(translation, { figures: { ...byClass, right: null } }),
  "clothes of one class in one step": images(translation, {
    steps: 1,
    shrunk: 0.4,
    figures: { ...byClass, right: null },
  }),
  "one class beside random pairs": images(
    translation,
    { figures: { ...byClass, right: { digits: [4, 4], count: 7 } } },
    { figures: { ...usual, right: null } },
  ),
  "random pairs beside one class": images(
    translation,
    { figures: { ...usual, right: null } },
    { figures: { ...byClass, right: { digits: [4, 4], count: 1 } } },
  ),
  "one class in other steps": images(
    translation,
    { figures: { ...byClass, right: { digits: [4, 4], count: 7 } } },
    { steps: 4, figures: { ...byClass, right: { digits: [4, 4], count: 6 } } },
  ),
  "trainings compared": images(translation, { figures: usual }, { figures: { ...byClass, right: null } }),
  "clothes compared": images(translation, {}, { schedule: "cosine" }),
  "two clean trainings": images(translation, { figures: plain }, { figures: clean }),
  "one picture, two clean trainings": images({ ...translation, draws: 10 }, { figures: plain }, { figures: clean }),
};

const textOf = (run, t) =>
  sentenceOf(run, t)
    .map(({ text }) => text)
    .join("");
const moments = Array.from({ length: 401 }, (_, k) => k / 400);
const begun = (t) => PHASES.findLast((from) => from <= t);

/** Every run at every moment, with what is said. */
function* said() {
  for (const [name, run] of Object.entries(RUNS)) {
    for (const t of moments) yield { name, run, t, text: textOf(run, t) };
  }
}

const SAID = [
  ["linear", 0, /^2,000 random points\. A network will push each one, step by step, towards the moons\.$/],
  ["linear", 0.2, /^The network's arrows push 2,000 .* towards the moons; the cloud shrinks: variance 0\.66/],
  ["linear", 0.5, /narrower than both noise and data: variance 0\.38 against 1 and 0\.50/],
  ["linear", 0.8, /spread the points over the moons: variance 0\.36/],
  ["linear", 1, /^Done in 50 steps: .* where the data live; distance W₂ 0\.22, .* about 0\.20 apart/],
  ["gaussian", 0.5, /narrower than both noise and data: variance 0\.50 against 1 for each/],
  ["cosine", 0.5, /^No dip: .* from 1 to 0\.50, .* Now it is 0\.75/],
  ["cosine", 0.8, /gather the points on the moons/],
  ["growing", 0.2, /the cloud grows/],
  ["level", 0.2, /the cloud keeps its width/],
  ["level", 0.5, /^The cloud keeps its width all the way: variance 1\.00; noise 1, data 1/],
  ["elsewhere", 0, /^Not from noise: .* start from the eight Gaussians/],
  ["elsewhere", 0.5, /^Around halfway, the variance of the cloud is 0\.63; source 2\.02, data 0\.50/],
  ["exact", 0, /no network: a formula/],
  ["exact", 0.2, /^The exact arrows push/],
  ["exact", 1, /on the exact field: .* solver's error, and chance/],
  ["relu", 0, /ReLU: .* no point can move left or down/],
  ["relu", 0.2, /only to the right and up/],
  ["relu", 0.5, /cannot come back/],
  ["relu", 1, /^62% of the points miss/],
  ["matched", 0, /matched by optimal transport/],
  ["matched", 0.3, /nearly straight paths: straightness 0\.99/],
  ["matched", 1, /^Straightness 0\.99/],
  ["short", 1, /^Done in 10 steps, but not quite there: variance 0\.40, the data's is 0\.50/],
  ["one step", 0, /^Only 1 step: .* in 1 straight jump\.$/],
  ["one step", 0.2, /with one step, nothing corrects its course/],
  ["one step", 0.5, /only two states/],
  ["one step", 1, /^All points end almost in one place/],
  ["one step beside", 1, /^One jump misses the moons: distance W₂ 0\.80/],
  ["five steps", 0.2, /corrected only 4 times/],
  ["five steps", 0.65, /^3 of 5 jumps done: variance/],
  ["five steps", 1, /^5 jumps miss the moons: distance W₂ 0\.37/],
  ["five good steps", 1, /^5 jumps come close to the moons \(20 evaluations\): distance W₂ 0\.22/],
  ["one good step", 1, /^One jump comes close to the moons: distance/],
  ["schedules", 0, /the same 2,000 random points; only the schedule differs: linear and cosine/],
  ["schedules", 0.5, /linear 0\.38 \(below both\), cosine 0\.75 \(no dip\); noise 1, data 0\.50/],
  ["schedules", 1, /^Both end near the data, only the way there differed: distance W₂ 0\.22 and 0\.22/],
  ["steps", 0, /only the number of steps differs: 5 steps and 50 steps/],
  [
    "steps",
    1,
    /^5 steps: off the moons, variance 0\.33 \(data 0\.50\); 50 steps: on the moons, W₂ 0\.22 \(chance alone 0\.20\)\.$/,
  ],
  ["cost", 1, /^The same cost, 40 evaluations: variance Euler 0\.50, RK4 0\.50; the data's is 0\.50\.$/],
  [
    "strays",
    1,
    /^Done in 50 steps, near the data: W₂ 0\.22 \(chance alone 0\.20\)\. But 9% of the points end elsewhere/,
  ],
  ["cost", 0.2, /^The same cost, 40 evaluations: Euler spends them on 40 steps, RK4 on 10 steps/],
  ["solvers", 0.2, /^Euler evaluates the field 10 times, Heun 20 times, both in 10 steps/],
  ["fields", 0.2, /^The network against the exact field: .* every difference is the network's error/],
  ["fields", 1, /: points typically end 1% of the data's spread from their twins; 2% of them end over 10% away/],
  ["ReLU or not", 0.2, /^The network against the ReLU network: .* no point can move left or down/],
  [
    "ReLU or not",
    1,
    /the network: on the moons, W₂ 0\.22 .*the ReLU network: off the moons, 62% of the points far off\.$/i,
  ],
  ["for one step", 0, /^2,000 random points, and a network for one step: trained at t = 0 alone/],
  ["for one step", 0.2, /^All points head for one place: .* the average x₁ is the same for every x₀\.$/],
  ["for one step", 0.5, /only two states/],
  ["for one step", 1, /^All points end almost in one place, the mean of the data: .* best guess/],
  ["for one step, in many", 0.5, /^A network for one step, asked 50 times: .* mean nothing/],
  ["for one step, in many", 1, /trained to be asked once, not 50 times: variance 0\.70, the data's is 0\.50/],
  ["for one step, asked twice", 0, /^A network for one step, asked 2 times/],
  ["for one step, asked twice", 0.2, /^A network for one step, asked 2 times: .* mean nothing/],
  ["for one step, asked twice", 1, /trained to be asked once, not 2 times/],
  ["for one step or not, asked twice", 0.2, /trained at t = 0 alone, so its later arrows/],
  ["for one step or not", 0, /only the field differs: the network and the one-step network/],
  ["for one step or not", 0.2, /^The network against the one-step network: .* the average of all x₁\.$/],
  ["for one step or not", 1, /all points end almost in one place, the mean of the data. Training for one step does/],
  ["for one step, or exact", 0.2, /every difference is the network's error/],
  ["for one step or not, in many", 0.2, /trained at t = 0 alone, so its later arrows/],
  ["pairings", 0.2, /straight .*: independent pairs 0\.80, optimal transport 0\.99/],
  ["several", 0, /A and B differ in the schedule, the number of steps and the solver/],
  ["same", 1, /end alike/],
  ["at level", 1, /^With linear, α² \+ β² falls below 1 on the way, .* with cosine, it stays 1\.$/],
  ["at level, turned", 1, /^With cosine, α² \+ β² stays 1; with linear, it falls below 1/],
  [
    "unmeasured",
    1,
    /^Done in 50 steps: variance 0\.50, the data's is 0\.50\. The distance to the data is being measured\.$/,
  ],
  [
    "unmeasured, compared",
    1,
    /^Variance at the end: 5 steps 0\.50, 50 steps 0\.50; data 0\.50\. The distance to the data is being measured\.$/,
  ],
  ["noisy", 0, /^2,000 random points, and noise at every step, η = 1: a correction .* takes back what it spreads/],
  ["noisy", 0.2, /^Each point goes its own random way, .* the network's arrows .*: variance 0\.66, theory says 0\.66/],
  ["noisy", 0.5, /narrower than both start and data: variance 0\.38/],
  ["noisy", 0.8, /^Arrows and noise, together, now spread the points over the moons/],
  ["noisy", 1, /^Done in 50 steps: the points lie where the data live/],
  ["noisy, cosine", 0.8, /^Arrows and noise, together, now gather the points/],
  ["noisy, of many ends", 1, /^Done in 50 steps: the points lie where the data live/],
  ["noisy, too coarse", 1, /^Not quite there, because of the steps: variance 0\.65, .* 0\.50; .* it is 0\.66\.$/],
  ["noisy, bad network", 1, /^Done in 10 steps, but not quite there: variance 0\.65/],
  ["noise alone", 0, /η = 1: no correction of the drift takes back/],
  ["noise alone", 0.5, /^Noise without its correction: variance 0\.64, theory says 0\.38/],
  [
    "noise alone",
    1,
    /^Too wide without .*, on the exact field as well \(1\.17\): variance 1\.20, the data's is 0\.50\.$/,
  ],
  ["noise alone, exact", 1, /^Too wide without the correction, on the exact field: variance 1\.20/],
  ["noise alone, unmeasured", 1, /^Noise without its correction: variance 1\.20, the data's is 0\.50\. Nothing took/],
  ["noise or not", 0, /only the noise on the way differs: no noise and noise \(η = 1\)\.$/],
  [
    "noise or not",
    0.2,
    /^Other paths, but the same crowd\? .* no noise 0\.66, noise \(η = 1\) 0\.66; theory says 0\.66/,
  ],
  [
    "noise or not",
    1,
    /^Other paths, other ends, the same crowd: distance W₂: no noise 0\.22, noise \(η = 1\) 0\.22; two fresh/,
  ],
  ["noise and noise alone", 0, /only the noise on the way differs: noise \(η = 1\) and noise alone \(η = 1\)\.$/],
  [
    "noise and noise alone",
    0.5,
    /noise \(η = 1\) 0\.38 \(below both\), noise alone \(η = 1\) 0\.64; start 1, data 0\.50/,
  ],
  [
    "noise and noise alone",
    1,
    /ends too wide, on the exact field as well: noise \(η = 1\) 0\.50, noise alone \(η = 1\) 1\.20; data/,
  ],
  ["noise, steps", 0.2, /^Other steps draw other noise, .*: variance 50 steps 0\.66, 200 steps 0\.66\.$/],
  [
    "noise, fields",
    0.2,
    /: start, noise, solver and steps are the same, so every difference is the network's error\.$/,
  ],
  ["noise alone, schedules", 1, /^Linear: off N/],
  ["noise and another spacing", 1, /^Other paths, other ends, the same crowd/],
  ["spacings", 0, /only the spacing of the steps differs: equal steps and short steps last\.$/],
  ["digits, noisy", 0, /^16 images of noise, and more of it at every step, η = 1/],
  ["digits, noisy", 0.8, /^The noise of each step gets weaker, and fades at t = 1/],
  ["digits, noise alone", 1, /^Noise without its correction: variance 2\.40, the data's is 1/],
  ["digits, noise or not", 0.2, /^How sure the classifier is/],
  ["pairs", 0, /^Pairs, no network: 2,000 random points, each with a point of the moons .* drawn by chance\.$/],
  ["pairs", 0.2, /own partner: two of the straight lines between them cross in 23% of all cases/],
  ["pairs", 0.5, /narrower than both noise and data: variance 0\.38 against 1 and 0\.50/],
  ["pairs", 0.8, /velocity, α′ x₀ \+ β′ x₁: where paths cross, a network can only learn their average/],
  ["pairs", 1, /^Each point is at its partner, so together they are data: distance W₂ 0\.21/],
  ["pairs unmeasured", 1, /^Each point is at its partner, a point of the moons: variance 0\.50/],
  ["pairs matched", 0, /each matched with a point of the moons by optimal transport in groups of 8\.$/],
  ["pairs in one step", 0.5, /only two states/],
  [
    "pairs in four steps",
    0.6,
    /^Shown at the ends of 4 steps: variance 0\.38 at the last of them; noise 1, data 0\.50/,
  ],
  ["pairs astray", 0.2, /^The path ends at −x₀ \+ x₁, not at data, .* at the start 1\.00/],
  ["pairs astray", 1, /^The points have not become data: X₁ = −x₀ \+ x₁, but/],
  ["pairs part of the way", 1, /X₁ = 0\.71 x₀ \+ 0\.71 x₁, but/],
  ["pairs, schedules", 0, /only the schedule differs: linear and cosine/],
  ["pairs, schedules", 1, /^With linear, α² \+ β² falls below 1 on the way/],
  ["pairs, unequal ends", 1, /^Both end at the same points of the data; the schedule made the difference/],
  ["pairs, one astray", 1, /^Where the paths end: cosine at x₁, custom \(1π, 0\.5π\) at −x₀ \+ x₁\. Data are x₁ alone/],
  ["pairs, steps", 1, /paths are the same too, shown at other times/],
  ["pairs, several", 0, /the same data; A and B differ in the pairing in training and the schedule/],
  [
    "pairs, couplings",
    0.2,
    /^How often two straight lines between partners cross: independent pairs 23%, optimal transport 4%\.$/,
  ],
  ["pairs, groups", 0.5, /partners: groups of 8 1\.30, groups of 512 1\.30/],
  ["pairs, couplings", 1, /^Both end at the same points of the data, but from other starts: .* 3\.20 and 1\.30/],
  ["unmeasured, fields", 0.2, /every difference is the network's error/],
  ["unmeasured, fields", 1, /^Variance at the end: the network 0\.50, the exact field 0\.50; .* is being measured\.$/],
  ["unmeasured, ReLU", 1, /^Done in 50 steps: variance 0\.50, .* is being measured\.$/],
  ["digits", 0, /^16 images of noise/],
  ["digits", 0.25, /there the classifier reads digits, 47% sure/],
  ["digits", 0.5, /contrast is low: variance 0\.50, where noise and digits both have 1/],
  ["digits", 1, /the classifier is 97% sure of what it reads/],
  ["digits, cosine", 0.5, /^Strokes appear out of the noise: variance 1\.00/],
  ["digits in one step", 1, /^One step gives a blur/],
  ["digits in three steps", 1, /^Done in only 3 steps: variance 1\.00, real digits have 1; the classifier is 97% sure/],
  ["digits compared", 1, /linear 97%, cosine 97%\. Variance 1\.00 and 1\.00/],
  ["perfect", 0, /^16 images of noise, but no network: a formula gives the exact velocity/],
  ["perfect", 0.25, /in the ends that the formula predicts, the classifier reads digits, 47% sure/],
  ["perfect", 1, /^Done in 20 steps: copies\. The exact flow leads every noise to one of the training digits\.$/],
  ["perfect with a window", 0, /no network: each pixel follows the training digits that fit the 11 × 11 pixels/],
  ["perfect with a window", 1, /pieces of training digits, 11 × 11 pixels each\. Variance 1\.00/],
  ["perfect, handed over", 0, /two fields: until t = 0\.3, a formula moves them; from then on, the network/],
  ["perfect, handed over", 0.25, /^Until t = 0\.3 the formula, then the network: variance 0\.63/],
  ["perfect, handed over", 1, /the first by the formula, those from t = 0\.3 on by the network/],
  ["perfect, handed over at once", 0, /A network will change their pixels/],
  ["perfect with noise", 1, /beneath the noise that the last steps added/],
  ["perfect or not", 0, /only the field differs: the perfect network and the network/],
  ["windows", 0, /only the window differs: the whole image and window 11/],
  ["hand-overs", 0, /only the time of the hand-over differs: until t = 1 and until t = 0\.3/],
  ["image spacings", 0, /only the spacing of the steps differs: equal steps and short steps first/],
  ["noise or none", 0, /only the noise on the way differs: no noise and noise \(η = 1\)/],
  ["clothes", 0, /^10 pictures of clothes, with some noise mixed in/],
  ["one picture", 0, /^1 picture of clothes, with/],
  ["clothes", 0.25, /^The clothes dissolve/],
  ["sandals in four steps", 0.5, /^2 of 4 jumps done: variance 0\.39; clothes 0\.55, data 1\.$/],
  ["sandals compared", 0.5, /linear 0\.39 \(below both\), cosine 0\.78 \(no dip\); clothes 0\.55, data 1\.$/],
  ["clothes", 0.5, /^Neither clothes nor digits/],
  ["clothes", 1, /^The clothes became digits; there is no right digit for a coat/],
  ["clothes of one class", 1, /^9 of 10 pictures became the right digit, that of their class/],
  ["clean clothes", 0, /^10 pictures of clothes, without any noise/],
  ["clean clothes", 1, /^The clothes became digits; there is no right digit for a coat/],
  ["one clean picture", 0, /^10 draws of one picture, without any noise: the flow draws nothing/],
  ["draws without noise and with it", 1, /^With clean clothes, all draws end alike.* with random pairs, they differ/],
  ["draws with noise and without it", 1, /^With random pairs, .* differ; with clean clothes, all end alike/],
  ["one clean picture", 1, /^All draws end alike/],
  ["two clean trainings", 1, /classifier is: clean clothes by plain Adam 97%, clean clothes 97%/],
  [
    "one picture, two clean trainings",
    1,
    /^With clean clothes by plain Adam as with clean clothes, all draws end alike/,
  ],
  ["one picture of one class", 0, /^10 draws of one picture, with some noise mixed in/],
  ["one picture of one class", 1, /^8 of 10 draws became the right digit/],
  ["own clothes of one class", 1, /^The clothes became digits; which is right is decided by their class/],
  [
    "one class beside random pairs",
    1,
    /^7 of 10 pictures became the digit of their class with pairs of one class; with/,
  ],
  [
    "random pairs beside one class",
    1,
    /^With random pairs, no digit is the right one; with pairs of one class, 1 of 10 pictures became that/,
  ],
  ["one class in other steps", 1, /class: \d+ steps 7 of 10 pictures, 4 steps 6 of 10 pictures\.$/],
  ["trainings compared", 0, /only the training differs: random pairs and pairs of one class/],
];

test("each phase of each case has its sentence", () => {
  for (const [name, t, expected] of SAID) assert.match(textOf(RUNS[name], t), expected, `${name} at ${t}`);
});

/** What a sentence of the tables looks like once its braces are filled; {cost} may be empty. */
function patternOf(sentence) {
  const escaped = sentence.replaceAll("*", "").replace(/[.+?^$()|[\]\\]/g, "\\$&");
  return new RegExp(`^${escaped.replace("{cost}", ".*").replace(/\{[^}]+\}/g, ".+")}$`, "i");
}

test("every sentence of the tables is said in some case", () => {
  const texts = [...new Set(Array.from(said(), ({ text }) => text))];
  const sentences = Object.values({ ...tables, ...comparedTables }).flatMap((table) =>
    Object.values(table).flatMap(Object.values),
  );
  const unsaid = sentences.filter((sentence) => !texts.some((text) => patternOf(sentence).test(text)));
  assert.deepEqual(unsaid, []);
});

test("a sentence is short, filled in, and begins and ends as one", () => {
  for (const { name, t, text } of said()) {
    assert.ok(text.length <= (name === "several" ? LONGEST : USUAL), `${name} at ${t}: ${text.length}`);
    assert.doesNotMatch(text, /[{}*]|undefined|NaN|Infinity/, `${name} at ${t}`);
    assert.match(text, /^[A-Z0-9].*\.$/, `${name} at ${t}`);
  }
});

test("the sides' names have their tones, and nothing else", () => {
  for (const [name, run] of Object.entries(RUNS)) {
    for (const t of moments) {
      const tones = sentenceOf(run, t).filter(({ tone }) => tone === "a" || tone === "b");
      if (run.sides.length === 1) assert.deepEqual(tones, [], name);
      const order = tones.map(({ tone }) => tone).join("");
      assert.ok(order === "" || order === "ab", `${name} at ${t}: ${order}`);
    }
  }
  const { sides } = RUNS.schedules;
  const pieces = sentenceOf(RUNS.schedules, 0).filter(({ tone }) => tone === "a" || tone === "b");
  assert.deepEqual(
    pieces.map(({ text }) => text),
    sides.map(({ schedule }) => schedule),
  );
});

test("within a phase only figures change, and these only at states", () => {
  const bare = (text) => text.replace(/[\d.]+/g, "#");
  for (const [name, run] of Object.entries(RUNS)) {
    const seen = new Map();
    for (const t of moments) {
      const text = textOf(run, t);
      const states = run.sides.map(({ t: { values } }) => stateAt(values, t)).join();
      for (const [key, value] of [
        [begun(t), bare(text)],
        [`${begun(t)} ${states}`, text],
      ]) {
        assert.equal(seen.get(key) ?? value, value, `${name} at ${t}`);
        seen.set(key, value);
      }
    }
  }
});

test("a claim about the width of the cloud agrees with the figures", () => {
  for (const { name, run, t, text } of said()) {
    const { statistics, theory } = run.sides[0];
    const variance = statistics.variance[0];
    const now = variance[stateAt(run.sides[0].t.values, t)];
    const low = Math.min(theory.values[0][0], theory.values[0].at(-1));
    const where = `${name} at ${t}: ${text}`;
    if (/narrower than both|contrast is low/.test(text)) assert.ok(now < low, where);
    if (/No dip|keeps its width all/.test(text)) assert.ok(Math.min(...variance) > 0.9 * low, where);
    if (/spread the points/.test(text)) assert.ok(variance.at(-1) > now, where);
    if (/gather the points/.test(text)) assert.ok(variance.at(-1) < now, where);
    if (/variance \d/.test(text) && run.sides.length === 1)
      assert.ok(text.includes(`variance ${now.toFixed(2)}`), where);
  }
});

test("of two runs each is judged by its own figures", () => {
  const clause = (run, side) => textOf(run, 0.5).match(/\d\.\d\d( \([a-z ]+\))?/g)[side];
  const [dip, none] = [points({}, {}, { schedule: "cosine" }), points({}, { schedule: "cosine" }, {})];
  assert.match(clause(dip, 0), /below both/);
  assert.match(clause(dip, 1), /no dip/);
  assert.match(clause(none, 0), /no dip/);
  assert.match(clause(none, 1), /below both/);
});

test("nothing is said of networks, solvers or evaluations where there are pairs alone", () => {
  for (const { name, text } of said()) {
    if (!name.startsWith("pairs")) continue;
    assert.doesNotMatch(text, /solver|evaluat|exact field|arrows|push|trained/, name);
    if (/network/.test(text)) assert.match(text, /no network|a network can only learn/, name);
  }
});

test("nothing that the formula did is said to be the network's", () => {
  for (const { name, run, text } of said()) {
    const [{ velocity, until }] = run.sides;
    if (velocity !== "perfect" || run.sides.length > 1 || until === 0) continue;
    if (/network/.test(text))
      assert.match(text, /no network|from then on, the network|then the network|by the network/, name);
    assert.doesNotMatch(text, /nobody wrote|A network will|the network predicts/, name);
  }
});

test("a run that misses the data is not said to end there", () => {
  const claims = /where the data live|near the data|come close|comes close|: on the moons/;
  for (const miss of [{ shrunk: 0.8 }, { shrunk: 1.3 }, { w2: 0.5 }, { far: 0.6 }]) {
    for (const steps of [1, 3, 20]) {
      assert.doesNotMatch(textOf(points({}, { steps, ...miss }), 1), claims);
      const compared = textOf(points({}, { steps, ...miss }, { steps, velocity: "learned", solver: "Heun" }), 1);
      assert.match(compared, /^Euler: off the moons/);
    }
  }
  assert.match(textOf(points({}, { steps: 3 }), 1), claims);
});
