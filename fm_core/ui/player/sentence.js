// The sentence beneath the title: what moves where, what drives it, and what to notice just now.
import { isAlone, isNoisy, noiseName } from "./noise.js";
import { COMPARED, COMPARED_PAIRS, IMAGES, PAIRS, PERFECT, POINTS } from "./sentences.js";
import { stateAt } from "./time.js";

/** @typedef {{ text: string, tone: "" | "strong" | "a" | "b" }} Piece */
/** @typedef {"coupling" | "group" | "end" | "flow_map" | "distances" | "floor"} OfPoints */
/** @typedef {Partial<FM.PointsSide["statistics"] & FM.ImageSide["statistics"]>} Statistics */
/** @typedef {{ velocity?: string, window?: number | null, until?: number } & Pick<FM.ImageSide, "training" | "right">} Field */
/** @typedef {FM.Side & Partial<Pick<FM.PointsSide, OfPoints>> & Field & { statistics: Statistics }} Side */
/** @typedef {Omit<FM.Run, "sides"> & { sides: Side[] }} Run */
/** @typedef {typeof PHASES[number]} Phase */
/** @typedef {ReturnType<typeof lookAt>} Look */

const PHASES = /** @type {const} */ ([
  { name: "start", from: 0, until: 0.08 },
  { name: "way", from: 0.08, until: 0.4 },
  { name: "middle", from: 0.4, until: 0.62 },
  { name: "late", from: 0.62, until: 1 },
  { name: "end", from: 1, until: Infinity },
]);
const FEW = 5; // steps that are called jumps

/** What is said at time t. Which sentence is chosen depends only on the phase and on the whole run, so that within a
 * phase nothing but figures changes. @param {Run} run @param {number} t @returns {Piece[]} */
export function sentenceOf(run, t) {
  const phase = PHASES.find(({ until }) => t < until) ?? last(PHASES);
  const looks = run.sides.map((side) => lookAt(run, side, t, phase));
  const sentences = Object.entries(tableOf(run)[phase.name]);
  const [, sentence] = sentences.find(([condition]) => CONDITIONS[condition](looks[0], looks)) ?? last(sentences);
  return piecesOf(sentence, looks);
}

/** @param {Run} run @returns {import("./sentences.js").Table} */
function tableOf({ kind, sides }) {
  if (sides.every(isPairs)) return sides.length > 1 ? COMPARED_PAIRS : PAIRS;
  if (sides.length > 1) return COMPARED;
  if (kind === "points") return POINTS;
  return isPerfect(sides[0]) ? PERFECT : IMAGES;
}

/** A side's figures at time t, and those of its variance in the phase and in the whole run.
 * @param {Run} run @param {Side} side @param {number} t @param {Phase} phase */
function lookAt(run, side, t, { from, until }) {
  const times = side.t.values;
  const variance = side.statistics.variance[0];
  const state = stateAt(times, t);
  const shown = variance.slice(stateAt(times, from), stateAt(times, until - 1e-6) + 1);
  const [source, data] = ends(side.theory.values[0]);
  const errors = ends(side.theory.errors[0]);
  const [low, error] = source < data ? [source, errors[0]] : [data, errors[1]];
  return { run, side, state, now: variance[state], variance, shown, source, data, low, error, lastError: errors[1] };
}

/** Words in place of the braces, and what stands out as pieces of its own.
 * @param {string} sentence @param {Look[]} looks @returns {Piece[]} */
function piecesOf(sentence, looks) {
  const filled = sentence.replace(/\{(?:([ab])\.)?([^{}]{2,})\}/g, (_, letter, word) =>
    WORDS[word](looks["ab".indexOf(letter ?? "a")]),
  );
  const parts = filled.split(/(\*[^*]+\*|\{[ab]\})/).filter(Boolean);
  const [first, ...rest] = parts.map((part) => pieceOf(part, looks[0].run));
  return [{ ...first, text: first.text[0].toUpperCase() + first.text.slice(1) }, ...rest];
}

/** @param {string} part @param {Run} run @returns {Piece} */
function pieceOf(part, run) {
  if (part === "{a}") return { text: nameOf(run, 0), tone: "a" };
  if (part === "{b}") return { text: nameOf(run, 1), tone: "b" };
  return part.startsWith("*") ? { text: part.slice(1, -1), tone: "strong" } : { text: part, tone: "" };
}

// In what two sides may differ.

/** @type {Record<string, string>} */
const NAMES = {
  learned: "the network",
  exact: "the exact field",
  "relu-output": "the ReLU network",
  "one-step": "the one-step network",
  perfect: "the perfect network",
  independent: "independent pairs",
  ot: "optimal transport",
  "random-pairs": "random pairs",
  "by-class": "pairs of one class",
  clean: "clean clothes",
  plain: "plain training",
};

/** @type {Record<string, string>} */
const SPACINGS = { equal: "equal steps", "short-first": "short steps first", "short-last": "short steps last" };

/** What each setting is called, and what a side is called by it.
 * @type {Record<string, { title: string, of: (side: Side) => string }>} */
const SETTINGS = {
  velocity: { title: "the field", of: ({ velocity = "" }) => NAMES[velocity] },
  coupling: { title: "the pairing in training", of: ({ coupling = "" }) => NAMES[coupling] ?? coupling },
  training: { title: "the training", of: ({ training = "" }) => NAMES[training] ?? "" },
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
function differencesOf({ sides: [a, b] }) {
  const all = Object.keys(SETTINGS).filter((name) => SETTINGS[name].of(a) !== SETTINGS[name].of(b));
  const names = all.filter((name) => !all.includes(PARTS[name]));
  return names.join() === "steps,solver" && a.nfe === b.nfe ? ["solver"] : names;
}

/** @param {Run} run @param {number} index */
function nameOf(run, index) {
  const names = differencesOf(run);
  return names.length === 1 ? SETTINGS[names[0]].of(run.sides[index]) : "AB"[index];
}

/** Whether the sides differ in this alone. @param {Run} run @param {string} name */
const onlyIn = (run, name) => differencesOf(run).join() === name;

// What the sentences are chosen by.

/** Narrower than source and data in the whole phase. @param {Look} look */
const dips = ({ shown, low, error }) => Math.max(...shown) < low - 2 * error;

/** At no state narrower than source and data, nor than start and end. @param {Look} look */
const isDipless = ({ variance, low, error }) =>
  Math.min(...variance) > Math.max(0.95 * Math.min(...ends(variance)), 0.9 * low - 2 * error);

/** The figure by which a run does not end at the data, if it does not: the flow-map error, which with noise is that of
 * single random paths and says little of the crowd, W2, which counts only where it is large, because that of 256
 * particles reaches 1.6 times the floor by chance, or the variance. @param {Look} look */
function missOf({ variance, data, lastError, side }) {
  if (!isNoisy(side) && (side.flow_map?.far ?? 0) >= 0.3) return "far";
  if (distanceOf(side) >= 1.8 * (side.floor ?? 1)) return "distance";
  return Math.abs(last(variance) - data) < Math.max(0.1 * data, 4 * lastError) ? "" : "variance";
}

/** @param {Look} look */
const fits = (look) => missOf(look) === "";
/** Whether figures that take longer are still to come. @param {Run} run */
const isUnmeasured = ({ kind, sides }) => kind === "points" && sides.some(({ distances }) => !distances);
/** Whether α² + β² falls below 1 on the way of a side, which only the schedule tells from the other: seen where source
 * and data are equally wide, for there it is the curve of theory over its start. @param {Look[]} looks @param {number} index */
function isNarrower(looks, index) {
  const [narrow, wide] = [looks[index], looks[1 - index]].map(({ side }) => side.theory.values[0]);
  const level = [...ends(narrow), ...wide].every((value) => Math.abs(value / narrow[0] - 1) < 0.05);
  const kept = looks.every(({ side }) => !isAlone(side));
  return kept && level && Math.min(...narrow) < 0.9 * narrow[0] && onlyIn(looks[0].run, "schedule");
}

/** Variance at the end of the exact field's run from the same noise, if it is known. @param {Side} side */
const exactEnd = ({ velocity, statistics: { exact, variance } }) =>
  velocity === "exact" ? last(variance[0]) : last(exact?.[0] ?? []);
/** Whether noisy steps miss the data's variance, and on the exact field nearly as much. @param {Look} look */
const isCoarse = (look) =>
  isNoisy(look.side) &&
  missOf(look) === "variance" &&
  (exactEnd(look.side) - look.data) / (last(look.variance) - look.data) > 0.75;
/** Whether noise alone makes the cloud too wide, even on the exact field. @param {Look} look */
const isWidened = ({ side, data, lastError }) =>
  isAlone(side) && exactEnd(side) - data > Math.max(0.1 * data, 4 * lastError);

/** @param {Side} side */
const isRelu = ({ velocity }) => velocity === "relu-output";
/** @param {Side} side */
const isExact = ({ velocity }) => velocity === "exact";
/** @param {Side} side */
const isForOneStep = ({ velocity }) => velocity === "one-step";
/** Whether all points end almost in one place, after one step. @param {Look} look */
const isCollapsed = ({ side, variance, data }) => side.steps === 1 && last(variance) < 0.05 * data;
/** Whether the formula of the perfect network moves digits, at least at first. @param {Side} side */
const isPerfect = ({ velocity, until = 1 }) => velocity === "perfect" && until > 0;
/** @param {Side} side */
const isPairs = ({ velocity }) => velocity === "pairs";
/** Whether the path of pairs does not end at the data. @param {Side} side */
const isStray = ({ end: [alpha, beta] = [0, 1] }) => Math.max(Math.abs(alpha), Math.abs(1 - beta)) >= 0.005;
/** @param {Run} run */
const isNoise = ({ source }) => /^N\(|noise/.test(source);
/** @param {Run} run */
const isTranslation = ({ kind }) => kind === "translation";
/** Whether the classifier reads the images. @param {Run} run */
const isRead = ({ sides }) => sides.every(({ statistics }) => statistics.confidence?.length);

/** Of side A and of both, in the order of the sentences.
 * @type {Record<string, (look: Look, looks: Look[]) => unknown>} */
const CONDITIONS = {
  relu: ({ side }) => isRelu(side),
  guessing: ({ side }) => isForOneStep(side) && side.steps === 1 && side.coupling !== "ot",
  unseen: ({ side }) => isForOneStep(side) && side.steps > 1,
  noisy: ({ side }) => isNoisy(side),
  alone: ({ side }) => isAlone(side),
  coarse: (look) => isCoarse(look) && !isExact(look.side),
  widened: (look) => isWidened(look) && !isExact(look.side),
  "widened, exact": (look) => isWidened(look),
  one: ({ side }) => side.steps === 1,
  few: ({ side }) => side.steps <= FEW,
  exact: ({ side }) => isExact(side),
  matched: ({ side }) => side.coupling === "ot",
  elsewhere: ({ run }) => !isNoise(run),
  straight: ({ side }) => side.coupling === "ot" && last(side.statistics.straightness ?? [0]) > 0.95,
  shrinks: ({ shown, variance }) => last(shown) < 0.95 * variance[0],
  grows: ({ shown, variance }) => last(shown) > 1.05 * variance[0],
  stray: (_, looks) => looks.some(({ side }) => isStray(side)),
  dips,
  level: ({ variance }) => Math.max(...variance) < 1.1 * Math.min(...variance),
  dipless: isDipless,
  spreads: ({ shown, variance }) => last(variance) > 1.07 * shown[0],
  gathers: ({ shown, variance }) => last(variance) < 0.93 * shown[0],
  missed: ({ side, run }) => isRelu(side) && mapErrorOf(run),
  guessed: (look) => isForOneStep(look.side) && isCollapsed(look),
  collapsed: isCollapsed,
  close: (look) => look.side.steps <= FEW && fits(look),
  fits,
  handed: ({ side: { until = 1 } }) => until < 1,
  local: ({ side }) => side.window,
  copies: ({ side }) => !side.noise,
  clean: ({ side: { training = "" } }) => ["clean", "plain"].includes(training),
  right: ({ side }) => side.right,
  "by class": ({ side }) => side.training === "by-class",
  clothes: ({ run }) => isTranslation(run),
  translated: ({ run }) => isTranslation(run) && isRead(run),
  read: ({ run }) => isRead(run),
  "blurred, by class": (look, looks) => look.side.training === "by-class" && CONDITIONS.blurred(look, looks),
  blurred: ({ side, variance, data }) => side.steps === 1 && last(variance) < 0.5 * data,
  brief: ({ side, run }) => side.steps <= FEW && isRead(run),
  unmeasured: ({ run }) => isUnmeasured(run),
  narrower: (_, looks) => isNarrower(looks, 0) && looks[0].run.kind === "points",
  wider: (_, looks) => isNarrower(looks, 1) && looks[0].run.kind === "points",
  same: ({ run }) => onlyIn(run, ""),
  single: ({ run }) => differencesOf(run).length === 1,
  redrawn: ({
    run: {
      sides: [a, b],
    },
  }) => isNoisy(a) && isNoisy(b) && a.steps !== b.steps,
  noise: ({ run }) => onlyIn(run, "noise"),
  "one widened": ({ run }, looks) => onlyIn(run, "noise") && looks.some(isWidened),
  "noise agrees": ({ run }, looks) => run.sides.some(isNoisy) && looks.every(fits),
  steps: ({ run }) => onlyIn(run, "steps"),
  cost: ({ run }) => onlyIn(run, "solver") && run.sides[0].nfe === run.sides[1].nfe,
  solver: ({ run }) => onlyIn(run, "solver"),
  bounded: ({ run }) => onlyIn(run, "velocity") && run.sides.some(isRelu),
  approximate: ({ run }) => onlyIn(run, "velocity") && run.sides.some(isExact),
  apart: ({ run }) => onlyIn(run, "velocity") && run.sides.some(isExact) && mapErrorOf(run),
  "all guessed": ({ run }, looks) =>
    looks.every(isCollapsed) && run.sides.some(isForOneStep) && onlyIn(run, "velocity"),
  "one guessing": ({ run }) =>
    onlyIn(run, "velocity") && run.sides.some((side) => isForOneStep(side) && side.steps === 1),
  "one unseen": ({ run }) => onlyIn(run, "velocity") && run.sides.some((side) => isForOneStep(side) && side.steps > 1),
  pairing: ({ run }) => onlyIn(run, "coupling") || onlyIn(run, "group"),
  images: ({ run }) => run.kind !== "points",
  agree: (_, looks) => looks.every(fits),
  else: () => true,
};

// Words and figures.

/** @template T @param {readonly T[]} values */
const last = (values) => values[values.length - 1];
/** @param {number[]} values */
const ends = (values) => [values[0], last(values)];
/** @param {Side} side */
const distanceOf = ({ distances }) => (distances ? last(distances.values) : 0);
/** How far apart learned and exact flow end, of the side that has it. @param {Run} run */
const mapErrorOf = ({ sides }) => sides.find((side) => side.flow_map)?.flow_map;
/** @param {number} value */
const fixed = (value) => value.toFixed(2);
/** Without zeros after the point. @param {number} value */
const short = (value) => fixed(value).replace(/\.00$/, "");
/** @param {number} share */
const percent = (share) => (share > 0 && share < 0.005 ? "under 1%" : `${Math.round(100 * share)}%`);
/** @param {number} n @param {string} noun */
const count = (n, noun) => `${n.toLocaleString("en-US")} ${noun}${n === 1 ? "" : "s"}`;
/** @param {number} n */
const times = (n) => (n === 1 ? "once" : count(n, "time"));
/** @param {number} n */
const jumps = (n) => (n === 1 ? "one jump" : `${n} jumps`);
/** @param {string[]} names */
const list = (names) => names.join(", ").replace(/, (?=[^,]*$)/, " and ");

/** @param {Side} side */
const windowOf = ({ window }) => (window ? `window ${window}` : "the whole image");

/** Where a path ends, such as 0.5 x₀ + x₁. @param {Side} side */
function mixOf({ end = [0, 1] }) {
  const terms = end.map((factor, index) => `${short(factor)} ${["x₀", "x₁"][index]}`);
  const some = terms.filter((term) => !/^-?0 /.test(term)).map((term) => term.replace(/^(-?)1 /, "$1"));
  return some.join(" + ").replace("+ -", "− ").replace("-", "−") || "0";
}

/** A data set's title within a sentence. @param {string} title */
function inText(title) {
  if (title.startsWith("N(")) return title;
  const name = title.startsWith("Swiss") ? title : title[0].toLowerCase() + title.slice(1);
  return name.startsWith("your ") ? name : `the ${name}`;
}

/** What a run carries. @param {Look} look */
function things({ run: { kind, particles } }) {
  if (kind === "points") return count(particles, "random point");
  return kind === "digits" ? `${count(particles, "image")} of noise` : `${count(particles, "picture")} of clothes`;
}

/** Variance that the flow has at the state, by theory. @param {Look} look */
function theoryOf({ side, state }) {
  const series = side.theory.values[0];
  return series[Math.round(side.t.values[state] * (series.length - 1))];
}

/** What a run starts from, in a word that is not that of the noise on its way. @param {Look} look */
function origin({ run }) {
  if (run.sides.some(isNoisy)) return "start";
  return isNoise(run) ? "noise" : isTranslation(run) ? "clothes" : "source";
}

/** @param {Look} look */
function nowAndDip(look) {
  if (isAlone(look.side)) return fixed(look.now);
  const note = dips(look) ? " (below both)" : isDipless(look) ? " (no dip)" : "";
  return fixed(look.now) + note;
}

/** @param {Look} look */
const farOff = ({ side }) => `${percent(side.flow_map?.far ?? 0)} of the points far off`;
/** Why a run is said to miss the data, by the figure that says so. @type {Record<string, (look: Look) => string>} */
const REASONS = {
  far: (look) => `${farOff(look)} from where the exact flow takes them`,
  distance: (look) => WORDS.distance(look),
  variance: ({ now, data }) => `variance ${fixed(now)}, the data's is ${short(data)}`,
};
/** The same in short, and for a run that ends at the data its distance. @type {Record<string, (look: Look) => string>} */
const FIGURES = {
  "": ({ side }) => `W₂ ${fixed(distanceOf(side))} (chance alone ${fixed(side.floor ?? 0)})`,
  far: farOff,
  distance: (look) => FIGURES[""](look),
  variance: ({ now, data }) => `variance ${fixed(now)} (data ${short(data)})`,
};

/** @type {Record<string, (look: Look) => string>} */
const WORDS = {
  things,
  target: ({ run }) => inText(run.target),
  source: ({ run }) => inText(run.source),
  origin,
  arrows: ({ side }) => (isExact(side) ? "the exact arrows" : "the network's arrows"),
  movers: ({ side }) => (isNoisy(side) ? "arrows and noise, together," : "the arrows"),
  noise: ({ side }) => `η = ${side.noise}`,
  theory: (look) => fixed(theoryOf(look)),
  exact: ({ side }) => fixed(exactEnd(side)),
  alike: ({ side }) => (isNoisy(side) ? "start, noise, solver and steps" : "start, solver and steps"),
  what: ({ run }) => list(differencesOf(run).map((name) => SETTINGS[name].title)),
  steps: ({ side }) => count(side.steps, "step"),
  evaluations: ({ side }) => count(side.nfe, "evaluation"),
  "evaluations, times": ({ side }) => times(side.nfe),
  cost: ({ side }) => (side.nfe === side.steps ? "" : ` (${count(side.nfe, "evaluation")})`),
  corrections: ({ side }) => times(side.steps - 1),
  "straight jumps": ({ side }) => count(side.steps, "straight jump"),
  "jumps done": ({ side, state }) => `${state} of ${count(side.steps, "jump")} done`,
  "jumps come": ({ side: { steps } }) => `${jumps(steps)} ${steps === 1 ? "comes" : "come"}`,
  "jumps miss": ({ side: { steps } }) => `${jumps(steps)} ${steps === 1 ? "misses" : "miss"}`,
  until: ({ side }) => String(side.until),
  window: ({ side: { window } }) => `${window} × ${window} pixels`,
  now: ({ now }) => fixed(now),
  "now and dip": nowAndDip,
  first: ({ variance }) => fixed(variance[0]),
  "var X₀": ({ source }) => short(source),
  "var X₁": ({ data }) => short(data),
  "both variances": ({ source, data }) =>
    short(source) === short(data) ? `${short(data)} for each` : `${short(source)} and ${short(data)}`,
  groups: ({ side }) => SETTINGS.group.of(side),
  crossing: ({ side }) => percent(side.statistics.crossing ?? 0),
  "distance²": ({ side }) => fixed(side.statistics.distance2 ?? 0),
  end: ({ side }) => mixOf(side),
  straightness: ({ side, state }) => fixed(side.statistics.straightness?.[state] ?? 1),
  right: ({ side: { right }, run }) => `${right?.count} of ${count(run.particles, "picture")}`,
  sure: ({ side, state }) => percent(side.statistics.confidence?.[state] ?? 0),
  "W₂": ({ side }) => fixed(distanceOf(side)),
  fresh: ({ side }) => `two fresh sets of data are about ${fixed(side.floor ?? 0)} apart`,
  distance: (look) => `distance W₂ ${WORDS["W₂"](look)}, and ${WORDS.fresh(look)}`,
  median: ({ run }) => percent(mapErrorOf(run)?.median ?? 0),
  far: ({ run }) => percent(mapErrorOf(run)?.far ?? 0),
  verdict: (look) => `${fits(look) ? "on" : "off"} ${inText(look.run.target)}`,
  reason: (look) => REASONS[missOf(look)](look),
  figure: (look) => FIGURES[missOf(look)](look),
};
