// What the words in the braces of a sentence stand for.
import { count, fixed, jumps, list, percent, short, times } from "./counts.js";
import { isAlone, isNoisy } from "./noise.js";
import { differencesOf, SETTINGS } from "./sentence_differences.js";
import {
  dips,
  distanceOf,
  exactEnd,
  fits,
  isDipless,
  isExact,
  isNoise,
  isTranslation,
  mapErrorOf,
  missOf,
} from "./sentence_look.js";

/** @typedef {import("./sentence_look.js").Look} Look */
/** @typedef {import("./sentence_look.js").Run} Run */
/** @typedef {import("./sentence_look.js").Side} Side */

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
function things({ run: { kind, particles, draws = 1 } }) {
  if (kind === "points") return count(particles, "random point");
  if (draws > 1) return `${draws} draws of one picture`;
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
export const WORDS = {
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
  right: ({ side: { right }, run: { particles, draws = 1 } }) =>
    `${right?.count} of ${count(particles, draws > 1 ? "draw" : "picture")}`,
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
