// The chart of a per-step statistic: Plotly, redrawn for each run; only its cursor moves while playing.

const AXIS_TITLES = {
  variance: "variance",
  distance: "W2 to the target",
  speed: "mean speed",
  straightness: "distance / path length",
};

const EXPLANATIONS = {
  variance: explainVariance,
  distance: () => "Exact 2-Wasserstein distance from the first 256 particles at most to as many fresh samples of the " +
    "data set. Dashed: the same between fresh samples and others, so no flow can be expected to come closer.",
  speed: () => "Distance travelled in a step over the time it takes, averaged over the particles.",
  straightness: () => "Distance from the start over the length of the path so far, both averaged over the particles: " +
    "1 where all paths are straight.",
};

/** The path's own variance, with the schedules shown, and what the other curve is for. */
function explainVariance(run) {
  const terms = "α² Var X₀ + β² Var X₁" + (run.sides.some((side) => side.correlated) ? " + 2αβ Cov(X₀, X₁)" : "");
  const schedules = [...new Set(run.sides.map((side) => `${side.schedule}: ${side.formula}`))].join("; ");
  const exact = "Dotted: the exact field with the same solver on the same noise, by which the network is judged; how far " +
    "it lies from theory is the solver's error, and chance.";
  const hasExact = run.sides.some((side) => side.statistics.exact.length);
  return `Dashed: theory, ${terms} (${schedules}). ${hasExact ? exact : ""}`;
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
    root.parentElement.querySelector(".fm-explanation").textContent = EXPLANATIONS[statistic](run);
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
  const times = Array.from({ length: side.steps + 1 }, (_, k) => k / side.steps);
  const line = (name, x, y, dash, width = 2, extra = {}) => ({
    type: "scatter", name: prefix + name, x, y, line: { color: colour, dash, width },
    mode: dash === "solid" && x.length <= 61 ? "lines+markers" : "lines",
    marker: { size: 4, color: colour }, hovertemplate: "%{y:.4g}", ...extra,
  });
  if (statistic === "variance") return varianceTraces(side, times, line, dimensions);
  if (statistic === "distance") {
    const { states, values } = side.distances;
    const floor = line("sampling floor", [0, 1], [side.floor, side.floor], "dash", 1.5);
    return [line("W2", states.map((state) => state / side.steps), values, "solid"), floor];
  }
  const series = side.statistics[statistic];
  return [line(AXIS_TITLES[statistic], times.slice(0, series.length), series, "solid")];
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

function layoutOf(statistic, colour) {
  const axis = { gridcolor: colour("--fm-line"), zerolinecolor: colour("--fm-line"), linecolor: colour("--fm-line") };
  return {
    margin: { l: 48, r: 12, t: 8, b: 36 },
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: colour("--fm-ink"), size: 12 },
    xaxis: { ...axis, title: { text: "t", standoff: 4 }, range: [0, 1], hoverformat: ".3f" },
    yaxis: { ...axis, title: { text: AXIS_TITLES[statistic], standoff: 6 }, rangemode: "tozero", automargin: true },
    hovermode: "x unified",
    hoverlabel: { bgcolor: colour("--fm-paper"), font: { color: colour("--fm-ink") } },
    legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0, font: { size: 11 } },
    uirevision: statistic,
  };
}
