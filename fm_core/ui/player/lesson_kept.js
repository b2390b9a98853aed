// What the report needs of a run: its pictures, small, and the curves of its chart.
import { contextOf, find, make } from "./dom.js";
import { fewer } from "./lesson_progress.js";

/** @typedef {import("./lesson_progress.js").Kept} Kept */
/** @typedef {import("./lesson_progress.js").Series} Series */
/** @typedef {Pick<Kept, "title" | "said" | "settings" | "changed">} Words */

const WIDTHS = [480, 400, 320, 240]; // pixels, tried until the picture is small
const LETTERS = 27_000; // of a picture in base64: 20 kB
const BROAD = 1.4; // width over height, beyond which the edges of a picture of points are empty

/** @param {import("./player.js").Player} player @param {FM.Run} run @param {Words} words @param {boolean} openable in a tab
 * @returns {Kept} */
export function keptRun(player, run, words, openable) {
  const { sides, query } = run;
  const about = [player.scene.caption(run), ...sides.map(({ label }, k) => named(sides, k, label))];
  const { selectedOptions, value } = player.menu;
  const log = selectedOptions[0]?.dataset.scale === "log";
  const lines = sides.flatMap((side, k) => linesOf(player, side, k, named(sides, k, "")));
  const title = selectedOptions[0]?.textContent ?? value;
  const axes = [
    { title: "t", log: false, zero: true },
    { title, log, zero: true },
  ];
  return { ...words, about, query: openable ? query : "", pictures: picturesOf(player, run), axes, series: lines };
}

/** @param {{ length: number }} sides @param {number} k @param {string} text */
const named = ({ length }, k, text) => (length > 1 ? `${"AB"[k]} ${text}` : text);

/** The lines of the chart that is shown, without bands. @param {import("./player.js").Player} player @param {FM.Side} side
 * @param {number} k @param {string} prefix @returns {Series[]} */
function linesOf({ scene, options }, side, k, prefix) {
  /** @type {FM.Line} */
  const line = (name, x, y, dash, _width, extra) =>
    extra === "band" ? {} : { name: prefix + name, x: fewer(x.slice(0, y.length)), y: fewer(y), dash, side: k };
  const traces = scene.traces[options.statistic](side, Array.from(side.t.values), line, options.dimensions);
  return /** @type {Series[]} */ (traces).filter(({ x }) => x?.length);
}

/** The pictures as they are seen; those that move, as they are at the end.
 * @param {import("./player.js").Player} player @param {FM.Run} run */
function picturesOf(player, run) {
  const { clock, pictures, sides, options, selected } = player;
  if (pictures.length !== run.sides.length) return []; // it was not seen yet
  const t = clock.playing ? 1 : clock.t;
  if (clock.playing) for (const picture of pictures) picture.draw(t, options, selected);
  else player.draw(); // with the probe, if there is one
  const broad = run.kind === "points" ? BROAD : Infinity;
  const images = sides.figures.map((figure) => small(find(figure, "canvas", HTMLCanvasElement), broad));
  player.draw();
  return run.sides.map((side, k) => ({ title: named(run.sides, k, side.title), t, image: images[k] }));
}

/** A data URL of few letters. @param {HTMLCanvasElement} canvas @param {number} broad */
function small(canvas, broad) {
  const [wide, height] = [Math.min(canvas.width, Math.round(canvas.height * broad)), canvas.height];
  let image = "";
  for (const most of WIDTHS) {
    const scale = Math.min(1, most / wide);
    const sheet = make("canvas", { width: Math.round(wide * scale), height: Math.round(height * scale) });
    const context = contextOf(sheet);
    context.imageSmoothingQuality = "high";
    context.drawImage(canvas, (canvas.width - wide) / 2, 0, wide, height, 0, 0, sheet.width, sheet.height);
    image = sheet.toDataURL("image/webp", 0.7); // a PNG where the browser makes no WebP
    if (image.length <= LETTERS) break;
  }
  return image;
}

/** A chart of what was measured in trainings. @param {any} chart of Plotly @param {Words} words @returns {Kept} */
export function keptRecord({ data, layout }, words) {
  const axes = [layout.xaxis, layout.yaxis].map((axis) => ({
    title: axis?.title?.text ?? "",
    log: axis?.type === "log",
    zero: false,
  }));
  const curves = data.map((/** @type {any} */ { name = "", x, y }, /** @type {number} */ side) => ({
    name,
    x: fewer(x),
    y: fewer(y),
    dash: "solid",
    side,
  }));
  const across = data.flatMap((/** @type {any} */ { x }) => x);
  const ends = [Math.min(...across), Math.max(...across)];
  const floors = (layout.shapes ?? []).filter((/** @type {any} */ { y0, y1 }) => y0 === y1);
  const levels = floors.map((/** @type {any} */ { y0 }) => ({
    name: "floor",
    x: ends,
    y: [y0, y0],
    dash: "dash",
    side: data.length,
  }));
  return { ...words, about: [], query: "", pictures: [], axes, series: [...curves, ...levels] };
}
