// The Plotly chart of a per-step statistic, redrawn for each run; during playback only its cursor moves.
import { coloursOf, find, make } from "./dom.js";

const UNUSED = ["select2d", "lasso2d", "autoScale2d"];
// A double click sets the clock twice; with "reset" it changes only a zoomed chart, back to its range.
const CONFIG = { responsive: true, displaylogo: false, doubleClick: "reset", modeBarButtonsToRemove: UNUSED };

/** The formula of the theory curve, with the schedules shown. @param {FM.Run} run */
export function explainTheory({ sides }) {
  const terms = `α² Var X₀ + β² Var X₁${sides.some((side) => side.correlated) ? " + 2αβ Cov(X₀, X₁)" : ""}`;
  const schedules = [...new Set(sides.map((side) => `${side.schedule}: ${side.formula}`))].join("; ");
  return `Dashed: theory, ${terms} (${schedules}).`;
}

export class Chart {
  drawn = false;
  t = 0;

  /** @param {HTMLElement} root @param {string} source @param {(t: number) => void} onTime */
  constructor(root, source, onTime) {
    this.root = root;
    this.loaded = loadPlotly(source);
    this.plot = /** @type {FM.PlotElement} */ (find(root, ".fm-plot"));
    this.cursor = find(root, ".fm-cursor");
    // Anywhere between the axes; Plotly passes on clicks that are not drags.
    this.plot.addEventListener("click", ({ target, clientX }) => {
      const area = target instanceof Element && target.closest(".nsewdrag");
      const axis = this.plot._fullLayout?.xaxis;
      if (area && axis) onTime(axis.p2l(clientX - area.getBoundingClientRect().left));
    });
    this.sizes = new ResizeObserver(() => this.drawn && Plotly.Plots.resize(this.plot));
    this.sizes.observe(root);
  }

  /** @param {FM.Run} run @param {string} title @param {FM.Traces} tracesOf @param {boolean} dimensions */
  async show(run, title, tracesOf, dimensions) {
    await this.loaded;
    if (!this.root.isConnected) return;
    const colour = coloursOf(this.root);
    const traces = run.sides.flatMap((side, index) => {
      const line = lines(run.sides.length > 1 ? `${"AB"[index]} ` : "", colour("ab"[index]));
      return tracesOf(side, Array.from(side.t.values), line, dimensions);
    });
    withoutBase(() => Plotly.react(this.plot, traces, layoutOf(title, colour), CONFIG));
    if (!this.drawn) this.plot.on("plotly_afterplot", () => this.moveCursor(this.t));
    this.drawn = true;
  }

  moveCursor(/** @type {number} */ t) {
    this.t = t;
    const { xaxis: axis, _size: size } = this.plot._fullLayout ?? {};
    if (!axis?.l2p || !size) return;
    this.cursor.hidden = t < axis.range[0] - 1e-9 || t > axis.range[1] + 1e-9;
    const transform = `translateX(${axis._offset + axis.l2p(t)}px)`;
    Object.assign(this.cursor.style, { transform, top: `${size.t}px`, height: `${size.h}px` });
  }

  disconnect() {
    this.sizes.disconnect();
    window.Plotly?.purge(this.plot);
  }
}

/** Once per page: the plotly.js of Python's package. */
function loadPlotly(/** @type {string} */ src) {
  window.fmPlotly ??= new Promise((onload, reject) => {
    const onerror = () => reject(new Error("plotly.js could not be loaded"));
    document.head.append(make("script", { src, onload, onerror }));
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

/** @param {string} prefix @param {string} color @returns {FM.Line} */
function lines(prefix, color) {
  return (name, times, y, dash, width = 2, extra = {}) => {
    const mode = dash === "solid" && y.length <= 61 ? "lines+markers" : "lines";
    const look = { mode, line: { color, dash, width }, marker: { size: 4, color }, hovertemplate: "%{y:.4g}" };
    return { type: "scatter", name: prefix + name, x: times.slice(0, y.length), y, ...look, ...extra };
  };
}

function layoutOf(/** @type {string} */ title, /** @type {(name: string) => string} */ colour) {
  const [ink, line, paper] = ["ink", "line", "paper"].map(colour);
  const axis = { gridcolor: line, zerolinecolor: line, linecolor: line };
  const look = { paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: ink, size: 12 } };
  const hover = { hovermode: "x unified", hoverlabel: { bgcolor: paper, font: { color: ink } } };
  return {
    ...look,
    ...hover,
    margin: { l: 48, r: 12, t: 8, b: 36 },
    xaxis: { ...axis, title: { text: "t", standoff: 4 }, range: [0, 1], hoverformat: ".3f" },
    yaxis: { ...axis, title: { text: title, standoff: 6 }, rangemode: "tozero", automargin: true },
    legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0, font: { size: 11 } },
    uirevision: title,
  };
}
