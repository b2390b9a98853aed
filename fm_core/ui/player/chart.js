// The strip of a per-step statistic, drawn by Plotly for each run; its time axis is that of the scrubber beneath it.
import { coloursOf, contextOf, find, make } from "./dom.js";

const FONT = "system-ui, sans-serif";
const CONFIG = { responsive: false, displayModeBar: false, doubleClick: false, scrollZoom: false };
const EDGES = { l: 44, r: 12, t: 8, b: 6 };
const BEFORE = 6; // pixels between a line's end and its label
const WIDEST = 0.22; // of the strip: a label's share

/** The formula of the theory curve, with the schedules shown, in HTML. @param {FM.Run} run */
export function theoryFormula({ sides }) {
  const correlated = sides.some((side) => side.correlated);
  const more = correlated ? " + 2αβ Cov(<i>X</i><sub>0</sub>, <i>X</i><sub>1</sub>)" : "";
  const schedules = [...new Set(sides.map((side) => `${side.schedule}: ${side.formula}`))].join("; ");
  return `α<sup>2</sup> Var <i>X</i><sub>0</sub> + β<sup>2</sup> Var <i>X</i><sub>1</sub>${more} (${schedules})`;
}

export class Chart {
  redraw = () => {};
  t = 0;
  names = /** @type {string[]} */ ([]);
  labels = /** @type {{ text: string, width: number }[]} */ ([]);

  /** @param {HTMLElement} root the time strip @param {string} source @param {(t: number) => void} onTime */
  constructor(root, source, onTime) {
    this.root = root;
    this.source = source;
    this.plot = /** @type {FM.PlotElement} */ (find(root, ".fm-plot"));
    this.cursor = find(root, ".fm-cursor");
    this.ruler = make("canvas", {});
    this.sizes = new ResizeObserver(() => this.arrange());
    this.sizes.observe(root);
    /** Pressing or dragging anywhere in the plot scrubs. @param {PointerEvent} event */
    const seek = (event) => {
      const { left, width } = this.span();
      if (event.buttons) onTime((event.clientX - this.plot.getBoundingClientRect().left - left) / width);
    };
    this.plot.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      this.plot.setPointerCapture(event.pointerId);
      seek(event);
    });
    this.plot.addEventListener("pointermove", (event) => this.plot.hasPointerCapture(event.pointerId) && seek(event));
  }

  /** The plot's time axis, in pixels from the strip's left. */
  span() {
    const edges = this.edges();
    return { left: edges.l, width: this.root.clientWidth - edges.l - edges.r };
  }

  isNarrow = () => this.root.clientWidth < 560;

  /** The margins; that on the right has room for the longest label. */
  edges() {
    if (this.isNarrow()) return EDGES;
    const widest = Math.max(0, ...this.labels.map(({ width }) => width));
    return { ...EDGES, r: EDGES.r + BEFORE + Math.ceil(widest) };
  }

  /** The names at the ends of the lines, cut where they would take too much room, and their widths in pixels. */
  measure() {
    const context = contextOf(this.ruler);
    context.font = `${this.letters()}px ${FONT}`;
    const most = WIDEST * this.root.clientWidth;
    const widthOf = (/** @type {string} */ text) => context.measureText(text).width;
    this.labels = this.names.map((name) => {
      let text = name;
      while (widthOf(text) > most && text.length > 1) text = `${text.slice(0, -2).trimEnd()}…`;
      return { text, width: widthOf(text) };
    });
  }

  /** The size of the letters, in pixels. */
  letters = () => Math.max(12, Number.parseFloat(getComputedStyle(this.root).fontSize) - 2);

  /** @param {FM.Run} run @param {FM.Traces} tracesOf @param {FM.Options} options @param {Promise<unknown>} [first]
   * what is to be seen before, as Plotly takes longer than a picture */
  async show(run, tracesOf, options, first) {
    this.names = run.sides.map(({ title, schedule }, k) => (run.sides.length > 1 ? `${"AB"[k]} ${title}` : schedule));
    const redraw = () => {
      const colour = coloursOf(this.root);
      const weight = Number(colour("weight") || 1);
      const ofSides = run.sides.map((side, index) => {
        const line = lines(run.sides.length > 1 ? `${"AB"[index]} ` : "", colour("ab"[index]), weight);
        return tracesOf(side, Array.from(side.t.values), line, options.dimensions);
      });
      withoutBase(() => Plotly.react(this.plot, ofSides.flat(), this.layout(ofSides, options, colour), CONFIG));
    };
    this.redraw = redraw;
    if (first) await first;
    if (this.redraw !== redraw) return;
    this.arrange();
    if (window.Plotly) return;
    await loadPlotly(this.source);
    if (this.root.isConnected) this.arrange();
  }

  /** After a change of size or of what is shown. */
  arrange() {
    this.measure();
    const { left, width } = this.span();
    this.root.style.setProperty("--fm-left", `${left}px`);
    this.root.style.setProperty("--fm-width", `${width}px`);
    if (window.Plotly && this.root.clientWidth) this.redraw();
    this.moveCursor(this.t);
  }

  moveCursor(/** @type {number} */ t) {
    this.t = t;
    const { left, width } = this.span();
    this.cursor.style.transform = `translateX(${left + t * width}px)`;
  }

  /** @param {any[][]} ofSides @param {FM.Options} options @param {(name: string) => string} colour */
  layout(ofSides, options, colour) {
    const [ink, line, paper] = ["ink", "line", "paper"].map(colour);
    const axis = { gridcolor: line, zerolinecolor: line, linecolor: line, fixedrange: true };
    const font = { family: FONT, color: colour("soft"), size: this.letters() };
    const height = this.plot.clientHeight;
    const look = {
      ...(options.scale === "log" && { type: "log", tickformat: "~g" }),
      showticklabels: ofSides.flat().some(({ y }) => y.length),
    };
    return {
      ...{ paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font, showlegend: false, dragmode: false },
      ...{ hovermode: "x unified", hoverlabel: { bgcolor: paper, font: { color: ink } } },
      margin: this.edges(),
      width: this.root.clientWidth,
      height,
      xaxis: { ...axis, range: [0, 1], showticklabels: false, hoverformat: ".3f" },
      yaxis: { ...axis, ...look, nticks: 4, rangemode: options.close ? "normal" : "tozero" },
      annotations: this.isNarrow() ? [] : annotations(this.labels, ofSides, colour, height, font, options.scale),
    };
  }

  disconnect() {
    this.sizes.disconnect();
    window.Plotly?.purge(this.plot);
  }
}

/** The labels at the ends of the first line of each side, moved apart where they would overlap; none while there are no
 * figures yet. @param {{ text: string }[]} labels @param {any[][]} ofSides @param {(name: string) => string} colour
 * @param {number} height @param {{ family: string, size: number }} font @param {unknown} scale */
function annotations(labels, ofSides, colour, height, { family, size }, scale) {
  if (ofSides.some(([first]) => !first.y.length)) return [];
  const measure = scale === "log" ? Math.log10 : Number;
  const all = ofSides.flat().flatMap(({ y }) => y);
  const ends = ofSides.map(([first]) => measure(first.y.at(-1)));
  const span = (scale === "log" ? measure(Math.max(...all) / Math.min(...all)) : Math.max(...all)) || 1;
  const room = size + 2;
  const apart = ends.length > 1 ? (Math.abs(ends[0] - ends[1]) / span) * height : room;
  const shift = Math.max(0, (room - apart) / 2);
  return labels.map(({ text }, index) => ({
    ...{ x: 1, xref: "paper", xanchor: "left", xshift: BEFORE, y: ends[index], showarrow: false, align: "left" },
    yshift: (ends[index] >= Math.max(...ends) && !(index && ends[0] === ends[1]) ? 1 : -1) * shift,
    text,
    borderpad: 0,
    font: { family, color: colour("ab"[index]), size },
  }));
}

/** Once per page: the plotly.js of Python's package. */
export function loadPlotly(/** @type {string} */ src) {
  window.fmPlotly ??= new Promise((onload, reject) => {
    const onerror = () => reject(new Error("plotly.js could not be loaded"));
    // The picture comes first: the script takes long to read.
    const load = () => document.head.append(make("script", { src, onload, onerror }));
    if ("requestIdleCallback" in window) requestIdleCallback(load, { timeout: 500 });
    else setTimeout(load);
  });
  return window.fmPlotly;
}

/** With a <base href>, as Gradio has, Plotly ties its clip paths to the address at set-up, and shows no lines once
 * the address changes. It looks for the element synchronously. @param {() => void} action */
function withoutBase(action) {
  const base = document.querySelector("base[href]");
  const href = base?.getAttribute("href") ?? "";
  base?.removeAttribute("href");
  action();
  base?.setAttribute("href", href);
}

/** @param {string} prefix @param {string} color @param {number} weight @returns {FM.Line} */
function lines(prefix, color, weight) {
  return (name, times, y, dash, width = 2, extra = {}) => {
    const mode = dash === "solid" && y.length <= 61 ? "lines+markers" : "lines";
    const line = { color, dash, width: width * weight };
    const look = { mode, line, marker: { size: 4 * weight, color }, hovertemplate: "%{y:.4g}" };
    const band = extra === "band" && { mode: "lines", line: { width: 0 }, hoverinfo: "skip", hovertemplate: undefined };
    const fill = band && name.endsWith("+") ? { fill: "tonexty", fillcolor: `${color}33` } : {};
    const rest = band ? { ...band, ...fill } : extra;
    return {
      type: "scatter",
      name: prefix + name,
      x: times.slice(0, y.length),
      y,
      ...look,
      .../** @type {object} */ (rest),
    };
  };
}
