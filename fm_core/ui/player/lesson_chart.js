// The curves of a run as a picture in SVG, for the report: axes with ticks, measured solid, theory dashed.
import { escaped } from "./lesson_markup.js";

/** @typedef {import("./lesson_progress.js").Series} Series */
/** @typedef {import("./lesson_progress.js").Axis} Axis */
/** From the ends of an axis to pixels. @typedef {{ low: number, high: number, ticks: number[], place(value: number): number }} Scale */

const WIDTH = 400;
const HEIGHT = 230;
const EDGES = { left: 52, right: 12, top: 10, bottom: 42 };
const DASHES = { solid: "", dash: ' stroke-dasharray="7 4"', dot: ' stroke-dasharray="2 4"' };
const COLOURS = 6; // that the report's style sheet has
const PLAIN = { title: "", log: false, zero: false };

/** A figure's content: the chart and its legend, or nothing if there are no curves.
 * @param {string} id @param {string} title @param {Axis[]} axes of x and of y @param {Series[]} series */
export function chartOf(id, title, [x = PLAIN, y = PLAIN], series) {
  const shown = series.map((one) => drawable(one, x, y)).filter((one) => one.x.length);
  if (!shown.length) return "";
  const [columns, rows] = [shown.flatMap((one) => one.x), shown.flatMap((one) => one.y)];
  const across = scaleOf(columns, x, EDGES.left, WIDTH - EDGES.right);
  const up = scaleOf(rows, y, HEIGHT - EDGES.bottom, EDGES.top);
  const lines = shown.map((one) => lineOf(one, across, up)).join("");
  const said = shown.map((one) => inWords(one, x)).join(" ");
  const names = `<title id="${id}-title">${escaped(title)}</title><desc id="${id}-words">${escaped(said)}</desc>`;
  return (
    `<svg class="chart" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-labelledby="${id}-title ${id}-words">` +
    `${names}${frame(across, up, x, y)}${lines}</svg><ul class="legend">${shown.map(entryOf).join("")}</ul>`
  );
}

/** Without the points that a logarithmic axis cannot show. @param {Series} series @param {Axis} x @param {Axis} y */
function drawable(series, x, y) {
  const shown = series.x.map((at, k) => (!x.log || at > 0) && (!y.log || series.y[k] > 0));
  return { ...series, x: series.x.filter((_, k) => shown[k]), y: series.y.filter((_, k) => shown[k]) };
}

/** @param {number[]} values @param {Axis} axis @param {number} from @param {number} to @returns {Scale} */
export function scaleOf(values, { log, zero }, from, to) {
  const seen = zero && !log ? [...values, 0] : values;
  let [low, high] = [Math.min(...seen), Math.max(...seen)];
  if (low === high) [low, high] = log ? [low / 2, high * 2] : [low - 0.5, high + 0.5];
  const ticks = log ? decades(low, high) : even(low, high);
  const [start, end] = [Math.min(low, ticks[0]), Math.max(high, ticks[ticks.length - 1])];
  const measure = log ? Math.log : Number;
  const unit = (to - from) / (measure(end) - measure(start));
  return { low: start, high: end, ticks, place: (value) => from + unit * (measure(value) - measure(start)) };
}

/** Round numbers from below `low` to above `high`. @param {number} low @param {number} high */
function even(low, high) {
  const rough = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((unit) => unit * power >= rough * 0.99) ?? 10);
  const [first, last] = [Math.floor(low / step + 1e-9), Math.ceil(high / step - 1e-9)];
  return Array.from({ length: last - first + 1 }, (_, k) => Number(((first + k) * step).toPrecision(10)));
}

/** 1, 2, 5, 10, 20 … or powers of ten only, if those are enough. @param {number} low @param {number} high */
function decades(low, high) {
  const powers = Array.from({ length: 40 }, (_, k) => 10 ** (k - 20));
  const units = high / low > 5000 ? [1] : [1, 2, 5];
  const all = powers.flatMap((power) => units.map((unit) => Number((unit * power).toPrecision(3))));
  const first = all.findLastIndex((tick) => tick <= low * 1.001);
  const last = all.findIndex((tick) => tick >= high * 0.999);
  return first < 0 || last < 0 ? [low, high] : all.slice(first, last + 1);
}

/** @param {Scale} across @param {Scale} up @param {Axis} x @param {Axis} y */
function frame(across, up, x, y) {
  const [left, right, top, bottom] = [EDGES.left, WIDTH - EDGES.right, EDGES.top, HEIGHT - EDGES.bottom];
  const rows = up.ticks.map((tick) => {
    const at = short(up.place(tick));
    return `<path class="grid" d="M${left} ${at}H${right}"/><text x="${left - 6}" y="${at}" dy="4" text-anchor="end">${label(tick)}</text>`;
  });
  const columns = across.ticks.map((tick) => {
    const at = short(across.place(tick));
    return `<path class="grid" d="M${at} ${top}V${bottom}"/><text x="${at}" y="${bottom + 16}" text-anchor="middle">${label(tick)}</text>`;
  });
  const [middle, centre] = [(left + right) / 2, (top + bottom) / 2];
  const names =
    `<text x="${middle}" y="${HEIGHT - 6}" text-anchor="middle">${escaped(x.title)}</text>` +
    `<text transform="translate(12 ${centre}) rotate(-90)" text-anchor="middle">${escaped(y.title)}</text>`;
  return rows.join("") + columns.join("") + names;
}

/** @param {Series} series @param {Scale} across @param {Scale} up */
function lineOf({ x, y, dash, side }, across, up) {
  const points = x.map((at, k) => `${short(across.place(at))},${short(up.place(y[k]))}`);
  return `<polyline class="line c${side % COLOURS}" points="${points.join(" ")}"${DASHES[dash]}/>`;
}

/** @param {Series} series */
function entryOf({ name, dash, side }) {
  const mark = `<path class="line c${side % COLOURS}" d="M0 5H28"${DASHES[dash]}/>`;
  return `<li><svg width="28" height="10" viewBox="0 0 28 10" aria-hidden="true">${mark}</svg> ${escaped(name)}</li>`;
}

/** A curve for those who hear it: its ends, and where between them it is lowest or highest.
 * @param {Series} series @param {Axis} axis */
function inWords({ name, x, y }, axis) {
  const at = (/** @type {number} */ k) => `${label(y[k])} at ${axis.title || "x"} = ${label(x[k])}`;
  const extremes = [Math.min(...y), Math.max(...y)].map((value) => y.indexOf(value));
  const between = extremes.filter((k) => y[k] !== y[0] && y[k] !== y[y.length - 1]).sort((a, b) => a - b);
  return `${name}: ${[0, ...between, y.length - 1].map(at).join(", then ")}.`;
}

const short = (/** @type {number} */ pixels) => Number(pixels.toFixed(1));
const label = (/** @type {number} */ value) => String(Number(value.toPrecision(4)));
