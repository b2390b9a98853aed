// Conclusions: sentences with figures of a run in braces, said when a comparison of figures holds.
//
// A figure is a name, such as {nfe}; of side B, {b.nfe}; at the state nearest to a time, {variance@0.5}. Figures can be
// added, subtracted, multiplied and divided, with abs(…) and sqrt(…). After a colon comes the number of decimals, with %
// for a percentage: {abs(variance@0.5 - theory@0.5):3}, {far:1%}.
import { IMAGE_FIGURES } from "./lesson_images.js";
import { NOISE_FIGURES } from "./lesson_noise.js";
import { POINT_FIGURES } from "./lesson_points.js";
import { stateAt } from "./time.js";

/** @typedef {number | string | undefined} Value a figure; undefined while it is not known */
/** @typedef {(name: string) => Value} Lookup */
/** @typedef {FM.Side & Partial<Omit<FM.PointsSide & FM.ImageSide, "statistics">> & { statistics: Record<string, any> }} Side */

/** @param {FM.Side} side @param {number} t */
function nearest({ t: { values } }, t) {
  const state = stateAt(values, t);
  const next = Math.min(state + 1, values.length - 1);
  return values[next] - t < t - values[state] ? next : state;
}

/** A side and where to look: the time, and the index of one of several series. @typedef {{ side: Side, t: number, index: number, run: FM.Run }} Where */

/** Theory at the time of the nearest state. @param {"values" | "errors"} name @param {Where} where */
function theory(name, { side, t, index }) {
  const all = side.theory[name];
  const series = all[Math.min(index, all.length - 1)];
  return series[Math.round(side.t.values[nearest(side, t)] * (series.length - 1))];
}

/** A series with a figure at each state. @param {string} name @returns {(where: Where) => Value} */
const at =
  (name) =>
  ({ side, t, index }) => {
    const series = side.statistics[name];
    return (Array.isArray(series?.[0]) ? series[index] : series)?.[nearest(side, t)];
  };

/** A series of fewer figures than states, from the state `first` on: that of the nearest which has one.
 * @param {string} name @param {number} [first] @returns {(where: Where) => Value} */
const near =
  (name, first = 0) =>
  ({ side, t }) => {
    const series = side.statistics[name];
    return series?.[Math.max(0, Math.min(nearest(side, t) - first, series.length - 1))];
  };

/** How many states have a measured variance beyond two standard errors from theory. @param {Where} where */
function outside(where) {
  const times = [...where.side.t.values];
  return times.filter((t, state) => {
    const here = { ...where, t };
    const measured = where.side.statistics.variance[where.index][state];
    return Math.abs(measured - theory("values", here)) > 2 * theory("errors", here);
  }).length;
}

/** The figures of a side; t is 1 and the index 0 unless given: {variance}, {variance@0.5}, {variance.1@0.5}.
 * @type {Record<string, (where: Where) => Value>} */
const FIGURES = {
  steps: ({ side }) => side.steps,
  nfe: ({ side }) => side.nfe,
  schedule: ({ side }) => side.schedule,
  solver: ({ side }) => side.solver_title,
  coupling: ({ side }) => side.coupling,
  field: ({ side }) => side.velocity,
  title: ({ side }) => side.title,
  milliseconds: ({ side }) => side.milliseconds,
  particles: ({ run }) => run.particles,
  source: ({ run }) => run.source,
  target: ({ run }) => run.target,
  t: ({ side, t }) => side.t.values[nearest(side, t)],
  variance: at("variance"),
  exact: at("exact"),
  straightness: at("straightness"),
  /** Mean speed in the step that begins at the state, and in the fastest step. */
  speed: near("speed"),
  fastest: ({ side }) => Math.max(...(side.statistics.speed ?? [])),
  confidence: at("confidence"),
  norm: at("norm"),
  theory: (where) => theory("values", where),
  /** Two standard errors: by how much chance alone moves a measured variance. */
  chance: (where) => 2 * theory("errors", where),
  outside,
  lowest: ({ side, index }) => Math.min(...(side.statistics.variance?.[index] ?? [])),
  distance: ({ side }) => side.distances?.values.at(-1),
  floor: ({ side }) => side.floor,
  error: ({ side }) => side.flow_map?.median,
  far: ({ side }) => side.flow_map?.far,
  covariance: ({ side }) => side.covariance,
  /** Of pairs: how far finite differences are from the formula, alpha (0) and beta (1) at the end, pairs matched at a time,
   * their mean squared distance, the share of their lines that cross. */
  difference: near("difference", 1),
  end: ({ side, index }) => side.end?.[index],
  group: ({ side }) => side.group ?? undefined,
  distance2: ({ side }) => side.statistics.distance2,
  crossing: ({ side }) => side.statistics.crossing,
  ...POINT_FIGURES,
  ...NOISE_FIGURES,
  ...IMAGE_FIGURES,
};

/** The figures of a run by name; `known` are further ones. @param {FM.Run | null} run @param {Record<string, number>} known @returns {Lookup} */
export function figuresOf(run, known = {}) {
  return (name) => {
    if (Object.hasOwn(known, name)) return known[name];
    const [, side = "a", figure, index = "0", time = "1"] =
      /^(?:([ab])\.)?([a-z]\w*)(?:\.(\d))?(?:@([\d.]+))?$/.exec(name) ?? [];
    const found = run?.sides["ab".indexOf(side)];
    if (!run || !found || !Object.hasOwn(FIGURES, figure ?? "")) return undefined;
    return FIGURES[figure]({ side: /** @type {any} */ (found), t: Number(time), index: Number(index), run });
  };
}

const TOKENS = /\s*(?:(\d+(?:\.\d+)?)|'([^']*)'|([A-Za-z][\w.@-]*)|(<=|>=|==|!=|[-+*/()<>]))/y;

/** @param {string} text */
function tokensOf(text) {
  const tokens = [];
  TOKENS.lastIndex = 0;
  while (TOKENS.lastIndex < text.trimEnd().length) {
    const from = TOKENS.lastIndex;
    const found = TOKENS.exec(text);
    if (!found) throw new Error(`“${text}” cannot be read from “${text.slice(from)}”`);
    tokens.push(found);
  }
  return tokens;
}

/** @type {Record<string, (a: any, b: any) => any>} */
const OPERATORS = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
  "<": (a, b) => a < b,
  ">": (a, b) => a > b,
  "<=": (a, b) => a <= b,
  ">=": (a, b) => a >= b,
  "==": (a, b) => a === b,
  "!=": (a, b) => a !== b,
  and: (a, b) => a && b,
};
const LEVELS = [["and"], ["<", ">", "<=", ">=", "==", "!="], ["+", "-"], ["*", "/"]];
/** @type {Record<string, (x: number) => number>} */
const FUNCTIONS = { abs: Math.abs, sqrt: Math.sqrt, round: Math.round, exp: Math.exp };

/** The value of an expression; undefined if one of its figures is not known. @param {string} text @param {Lookup} lookup @returns {Value | boolean} */
export function evaluate(text, lookup) {
  const tokens = tokensOf(text);
  let next = 0;
  const sign = () => tokens[next]?.[4] ?? tokens[next]?.[3];
  const expect = (/** @type {string} */ wanted) => {
    if (sign() !== wanted) throw new Error(`“${text}” lacks ${wanted}`);
    next++;
  };

  /** @param {number} level @returns {any} */
  function binary(level) {
    if (level === LEVELS.length) return primary();
    let value = binary(level + 1);
    while (LEVELS[level].includes(sign() ?? "")) {
      const operator = OPERATORS[String(tokens[next++][4] ?? "and")];
      const other = binary(level + 1);
      value = value === undefined || other === undefined ? undefined : operator(value, other);
    }
    return value;
  }

  /** @returns {any} */
  function primary() {
    const [, number, string, name, symbol] = tokens[next++] ?? [];
    if (number !== undefined) return Number(number);
    if (string !== undefined) return string;
    if (symbol === "(") return enclosed();
    if (name === undefined) throw new Error(`“${text}” ends too early`);
    if (!Object.hasOwn(FUNCTIONS, name)) return lookup(name);
    expect("(");
    const value = enclosed();
    return value === undefined ? undefined : FUNCTIONS[name](value);
  }

  function enclosed() {
    const value = binary(0);
    expect(")");
    return value;
  }

  const value = binary(0);
  if (next < tokens.length) throw new Error(`“${text}” goes on after its end`);
  return value;
}

/** A figure in words; without a format, three digits. @param {Value | boolean} value @param {string} format */
function inWords(value, format) {
  return typeof value === "number" ? signed(digitsOf(value, format)) : String(value);
}

/** @param {number} value @param {string} format */
function digitsOf(value, format) {
  if (format.endsWith("%")) return `${(100 * value).toFixed(Number(format.slice(0, -1) || 0))} %`;
  if (format) return value.toFixed(Number(format));
  return Number.isInteger(value) ? value.toLocaleString("en-US") : String(Number(value.toPrecision(3)));
}

/** With a minus as formulas have it, and none before a nought. @param {string} digits */
const signed = (digits) => digits.replace(/^-(?=.*[1-9])/, "−").replace(/^-/, "");

/** The conclusion of all cases that hold, without those whose figures are not known yet.
 * @param {{ say: string, when: string }[]} cases @param {Lookup} lookup @returns {string[]} */
export function conclude(cases, lookup) {
  const sentences = [];
  for (const { say, when } of cases) {
    if (when && evaluate(when, lookup) !== true) continue;
    let known = true;
    const sentence = say.replace(/\{([^{}:]+)(?::([^{}]*))?\}/g, (_, expression, format = "") => {
      const value = evaluate(expression, lookup);
      known &&= value !== undefined && !Number.isNaN(value);
      return `<b>${inWords(value, format)}</b>`;
    });
    if (known) sentences.push(sentence.replaceAll("± <b>", "±\u00a0<b>")); // in one line
  }
  return sentences;
}
