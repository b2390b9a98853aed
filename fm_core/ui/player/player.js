// The player: one clock that drives the panels, the chart's cursor and the figures. Gradio calls this once per mount
// with element, props and watch; decode.js, chart.js and a scene come before it in the same
// scope: toy.js or images.js, which knows what is shown and says so in `scene`.

const DURATION = 5000; // milliseconds from t = 0 to t = 1 at speed 1
const PAUSE_AT_END = 1200;
const PLAY_ICON = "M4 2.5v11L13.5 8z";
const PAUSE_ICON = "M3.5 2.5h3v11h-3zM9.5 2.5h3v11h-3z";

const root = element.querySelector(".fm-player");
const find = (selector) => root.querySelector(selector);
const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
const options = { speed: 1, loop: true, statistic: "variance", dimensions: false, ...scene.options(calm) };
const clock = { t: calm ? 1 : 0, playing: !calm, last: null, rest: 0 };
const chart = createChart(find(".fm-chart"), props.plotly, (t) => { pause(); seek(t); });
let run = null;
let panels = [];
let selected = null;
let received = 0;

for (const [name, value] of Object.entries(options)) {
  const control = find(`[data-option="${name}"]`);
  if (control?.matches("select")) control.value = value;
}
find('[data-option="statistic"]').replaceChildren(
  ...Object.entries(scene.statistics).map(([name, { title }]) => new Option(title, name)));
find(".fm-subject").textContent = scene.subject;
Object.assign(find(".fm-figure"), scene.figure);

// ---- a new run ------------------------------------------------------------------------------------------------

async function receive() {
  if (!props.value) return;
  const mine = ++received;
  const next = await scene.decode(props.value);
  if (mine !== received) return; // a newer run came while this one was decoded
  const sameData = run && run.target === next.target && run.source === next.source;
  run = next;
  if (!sameData && !calm) Object.assign(clock, { t: 0, playing: true, rest: 0 });
  if (selected >= run.particles) selected = null;
  arrangePanels();
  scene.offer(find, run, options);
  redrawChart();
  fillTable();
  keepAddress();
  find(".fm-particle").max = run.particles - 1;
  root.dataset.sides = run.sides.length;
  root.dataset.steps = finest().steps;
  draw();
  root.dataset.run = Number(root.dataset.run) + 1;
}

/** The side with more steps: its states are the stations of the step buttons. */
function finest() {
  return run.sides.reduce((a, b) => (b.steps > a.steps ? b : a));
}

function arrangePanels() {
  const container = find(".fm-panels");
  while (panels.length > run.sides.length) panels.pop().figure.remove();
  while (panels.length < run.sides.length) {
    const figure = document.createElement("figure");
    figure.className = `fm-panel fm-${"ab"[panels.length]}`;
    figure.innerHTML = '<figcaption></figcaption><canvas role="img"></canvas>';
    container.append(figure);
    const panel = scene.createPanel(figure);
    panel.canvas.addEventListener("click", (event) => select(panel.nearest(event, clock.t)));
    panels.push(panel);
  }
  find(".fm-stage").classList.toggle("fm-two", panels.length > 1);
  panels.forEach((panel, index) => {
    const side = run.sides[index];
    const caption = panel.figure.querySelector("figcaption");
    const name = document.createElement("b");
    name.textContent = panels.length > 1 ? `${"AB"[index]}: ` : "";
    const title = document.createElement("small");
    title.textContent = ` ${run.source} → ${run.target}, ${scene.caption(run)}`;
    caption.replaceChildren(name, side.label, title);
    panel.canvas.setAttribute("aria-label",
      `${run.particles} ${scene.subject}s travelling from ${run.source} to ${run.target}: ${side.label}`);
    panel.show(run, side);
  });
}

function redrawChart() {
  find(".fm-dimensions").hidden = !scene.dimensions || options.statistic !== "variance";
  chart.show(run, options.statistic, options.dimensions);
}

function fillTable() {
  find(".fm-numbers tbody").replaceChildren(...run.sides.map((side, index) => {
    const row = document.createElement("tr");
    row.className = `fm-${"ab"[index]}`;
    const cells = [run.sides.length > 1 ? "AB"[index] : "run", "", "", "", "", side.milliseconds];
    cells.forEach((text, column) => {
      const cell = document.createElement(column ? "td" : "th");
      if (!column) cell.scope = "row";
      cell.textContent = text;
      row.append(cell);
    });
    return row;
  }));
}

/** The address bar names this setting, so that a link opens it; parameters that Gradio owns stay. */
function keepAddress() {
  if (root.offsetParent === null) return; // another tab's player is the one that is seen
  history.replaceState(history.state, "", address());
}

function address() {
  const query = new URLSearchParams(run.query);
  for (const [key, value] of new URLSearchParams(location.search)) if (key.startsWith("__")) query.set(key, value);
  const text = query.toString();
  return location.pathname + (text ? `?${text}` : "") + location.hash;
}

// ---- the clock ------------------------------------------------------------------------------------------------

function frame(now) {
  if (!root.isConnected) return chart.purge();
  requestAnimationFrame(frame);
  const elapsed = clock.last === null ? 0 : Math.min(now - clock.last, 100);
  clock.last = now;
  if (!clock.playing || !run) return;
  if (clock.t < 1) {
    clock.t = Math.min(1, clock.t + (elapsed * options.speed) / DURATION);
    draw();
  } else if (!options.loop) {
    pause();
  } else if ((clock.rest += elapsed) > PAUSE_AT_END) {
    Object.assign(clock, { t: 0, rest: 0 });
    draw();
  }
}

function play() {
  if (clock.t >= 1) clock.t = 0;
  Object.assign(clock, { playing: true, rest: 0 });
  draw();
}

function pause() {
  clock.playing = false;
  draw();
}

function seek(t) {
  Object.assign(clock, { t: Math.min(Math.max(t, 0), 1), rest: 0 });
  draw();
}

/** To the next state of the finest side, or to the one before. */
function stepBy(count) {
  pause();
  const place = placeAt(finest(), clock.t);
  seek(timeOf(finest(), count > 0 ? stateAt(finest(), clock.t) + 1 : Math.max(Math.ceil(place - 1e-6) - 1, 0)));
}

// ---- drawing --------------------------------------------------------------------------------------------------

function draw() {
  if (!run) return;
  panels.forEach((panel) => panel.draw(clock.t, options, selected));
  chart.moveCursor(clock.t);
  const step = stateAt(finest(), clock.t);
  root.dataset.step = step;
  root.dataset.t = clock.t.toFixed(4);
  root.dataset.playing = clock.playing;
  find(".fm-time").textContent = `t = ${clock.t.toFixed(3)}`;
  if (document.activeElement !== find(".fm-scrub") || clock.playing) find(".fm-scrub").value = 1000 * clock.t;
  find(".fm-scrub").setAttribute("aria-valuetext", `t = ${clock.t.toFixed(2)}, step ${step} of ${finest().steps}`);
  const button = find(".fm-play");
  const label = clock.playing ? "Pause (space)" : "Play (space)";
  if (button.getAttribute("aria-label") !== label) {
    button.querySelector("path").setAttribute("d", clock.playing ? PAUSE_ICON : PLAY_ICON);
    button.setAttribute("aria-label", label);
  }
  updateTable();
  readOut();
}

function updateTable() {
  const rows = find(".fm-numbers tbody").rows;
  run.sides.forEach((side, index) => {
    const state = stateAt(side, clock.t);
    const texts = [`${state} / ${side.steps}`, `${(side.nfe * state) / side.steps} / ${side.nfe}`,
      side.statistics.variance[0][state].toFixed(3), scene.figureOf(run, side, state)];
    texts.forEach((text, column) => {
      const cell = rows[index].cells[column + 1];
      if (cell.textContent !== text) cell.textContent = text;
    });
  });
}

function readOut() {
  const text = selected === null ? `Click ${scene.article} ${scene.subject} to follow it.` : scene.readOut(run, clock.t, selected);
  const place = find(".fm-readout");
  place.setAttribute("aria-live", clock.playing ? "off" : "polite");
  if (place.textContent !== text) place.textContent = text;
  scene.detail?.(find(".fm-detail"), run, clock.t, selected);
}

function select(particle) {
  selected = particle;
  find(".fm-particle").value = particle ?? "";
  root.dataset.selected = particle ?? "";
  draw();
}

// ---- controls -------------------------------------------------------------------------------------------------

const actions = {
  play: () => (clock.playing ? pause() : play()),
  start: () => { pause(); seek(0); },
  end: () => { pause(); seek(1); },
  back: () => stepBy(-1),
  forward: () => stepBy(1),
  link: copyLink,
};
const keys = { " ": "play", ArrowLeft: "back", ArrowRight: "forward", Home: "start", End: "end" };

async function copyLink() {
  const link = location.origin + address();
  const copied = await navigator.clipboard?.writeText(link).then(() => true, () => false);
  find(".fm-readout").textContent = copied ? `Copied: ${link}` : `The link to this setting: ${link}`;
}

root.addEventListener("click", (event) => {
  const action = event.target.closest("[data-action]")?.dataset.action;
  if (action && run) actions[action]();
});

// Keys work wherever they mean nothing else: in the player, and on the page while no control has the focus.
document.addEventListener("keydown", onKey);
function onKey(event) {
  if (!root.isConnected) return document.removeEventListener("keydown", onKey);
  const focused = document.activeElement;
  const ours = root.contains(focused) || focused === document.body || focused === null;
  const busy = focused?.matches("input, select, textarea, [role=slider]") ||
    (event.key === " " && focused?.matches("button, a, [role=tab]"));
  if (!ours || busy || !run || root.offsetParent === null || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") return select(null);
  if (!(event.key in keys)) return;
  event.preventDefault();
  actions[keys[event.key]]();
}

find(".fm-scrub").addEventListener("input", (event) => { pause(); seek(event.target.value / 1000); });

find(".fm-particle").addEventListener("input", (event) => {
  const number = event.target.value === "" ? null : Number(event.target.value);
  if (run && (number === null || (Number.isInteger(number) && number >= 0 && number < run.particles))) select(number);
});

root.addEventListener("change", (event) => {
  const { option } = event.target.dataset;
  if (!option || !run) return;
  const { type, checked, value } = event.target;
  options[option] = type === "checkbox" ? checked : option === "speed" ? Number(value) : value;
  if (scene.restyling.includes(option)) panels.forEach((panel) => panel.restyle());
  if (option === "statistic" || option === "dimensions") redrawChart();
  draw();
});

const onResize = new ResizeObserver(() => { panels.forEach((panel) => panel.resize()); draw(); if (run) keepAddress(); });
onResize.observe(root);
new MutationObserver(() => {
  panels.forEach((panel) => panel.restyle());
  if (run) redrawChart();
  draw();
}).observe(document.body, { attributes: true, attributeFilter: ["class"] });

watch("value", receive);
receive();
requestAnimationFrame(frame);
