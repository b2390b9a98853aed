// The chart of a per-step statistic: Plotly, redrawn for each run; only its cursor moves while playing.

/** The formula of the theory curve, with the schedules shown. */
function explainTheory(run) {
  const terms = "α² Var X₀ + β² Var X₁" + (run.sides.some((side) => side.correlated) ? " + 2αβ Cov(X₀, X₁)" : "");
  const schedules = [...new Set(run.sides.map((side) => `${side.schedule}: ${side.formula}`))].join("; ");
  return `Dashed: theory, ${terms} (${schedules}).`;
}

function createChart(root, source, onTime) {
  const plot = root.querySelector(".fm-plot");
  const cursor = root.querySelector(".fm-cursor");
  let latest = null;
  let listening = false;
  loadPlotly(source).then(draw);
  new ResizeObserver(() => listening && Plotly.Plots.resize(plot)).observe(root);
  plot.addEventListener("click", onClick);

  function show(run, statistic, dimensions) {
    latest = { run, statistic, dimensions };
    root.parentElement.querySelector(".fm-explanation").textContent = scene.statistics[statistic].explain(run);
    if (window.Plotly) draw();
  }

  function draw() {
    if (!latest || !root.isConnected) return;
    const style = getComputedStyle(root);
    const colour = (name) => style.getPropertyValue(name).trim();
    const { run, statistic, dimensions } = latest;
    const compared = run.sides.length > 1;
    const traces = run.sides.flatMap((side, index) =>
      tracesOf(side, compared ? "AB"[index] + " " : "", colour(index ? "--fm-b" : "--fm-a"), statistic, dimensions));
    withoutBase(() => Plotly.react(plot, traces, layoutOf(statistic, colour), {
      responsive: true, displaylogo: false, showSendToCloud: false,
      doubleClick: "reset", // two quick clicks set the clock twice; only a zoomed chart goes back to its range
      modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
    }));
    if (!listening) {
      listening = true;
      plot.on("plotly_afterplot", () => moveCursor(latest.t ?? 0));
    }
  }

  /** A click anywhere between the axes, on a line or not; Plotly passes it on after a press without a drag. */
  function onClick({ target, clientX }) {
    const area = target.closest(".nsewdrag");
    if (area) onTime(plot._fullLayout.xaxis.p2l(clientX - area.getBoundingClientRect().left));
  }

  function moveCursor(t) {
    if (latest) latest.t = t;
    const axis = plot._fullLayout?.xaxis;
    if (!axis?.l2p) return;
    const { t: top, h: height } = plot._fullLayout._size;
    cursor.hidden = t < axis.range[0] - 1e-9 || t > axis.range[1] + 1e-9;
    cursor.style.transform = `translateX(${axis._offset + axis.l2p(t)}px)`;
    cursor.style.top = `${top}px`;
    cursor.style.height = `${height}px`;
  }

  return { show, moveCursor, purge: () => window.Plotly?.purge(plot) };
}

/** Where the page has a <base href>, as Gradio's has, Plotly ties its clip paths to the address of the moment it is set
    up, and shows no lines once the address changes. It looks for the element synchronously. */
function withoutBase(action) {
  const base = document.querySelector("base[href]");
  const href = base?.getAttribute("href");
  base?.removeAttribute("href");
  action();
  base?.setAttribute("href", href);
}

/** One <script> for the page, however many players: the Plotly that Python's package brings along. */
function loadPlotly(source) {
  window.fmPlotly ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = source;
    script.onload = resolve;
    script.onerror = () => reject(new Error("plotly.js could not be loaded"));
    document.head.append(script);
  });
  return window.fmPlotly;
}

function tracesOf(side, prefix, colour, statistic, dimensions) {
  const times = Array.from({ length: side.steps + 1 }, (_, k) => timeOf(side, k));
  const line = (name, x, y, dash, width = 2, extra = {}) => ({
    type: "scatter", name: prefix + name, x, y, line: { color: colour, dash, width },
    mode: dash === "solid" && x.length <= 61 ? "lines+markers" : "lines",
    marker: { size: 4, color: colour }, hovertemplate: "%{y:.4g}", ...extra,
  });
  return scene.statistics[statistic].traces(side, times, line, dimensions);
}

function layoutOf(statistic, colour) {
  const axis = { gridcolor: colour("--fm-line"), zerolinecolor: colour("--fm-line"), linecolor: colour("--fm-line") };
  return {
    margin: { l: 48, r: 12, t: 8, b: 36 },
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: colour("--fm-ink"), size: 12 },
    xaxis: { ...axis, title: { text: "t", standoff: 4 }, range: [0, 1], hoverformat: ".3f" },
    yaxis: { ...axis, title: { text: scene.statistics[statistic].title, standoff: 6 }, rangemode: "tozero", automargin: true },
    hovermode: "x unified",
    hoverlabel: { bgcolor: colour("--fm-paper"), font: { color: colour("--fm-ink") } },
    legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0, font: { size: 11 } },
    uirevision: statistic,
  };
}
