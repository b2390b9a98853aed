// The player: a clock that drives the pictures, the chart's cursor and the figures of a run.
import { Chart } from "./chart.js";
import { Clock } from "./clock.js";
import { find, make, write } from "./dom.js";
import { decode } from "./packet.js";
import { stateAt } from "./time.js";

const PLAY_ICON = "M4 2.5v11L13.5 8z";
const PAUSE_ICON = "M3.5 2.5h3v11h-3zM9.5 2.5h3v11h-3z";

export class Player {
  run = /** @type {FM.Run | null} */ (null);
  figures = /** @type {HTMLElement[]} */ ([]);
  pictures = /** @type {FM.Picture[]} */ ([]);
  selected = /** @type {number | null} */ (null);
  received = 0;
  listening = new AbortController();

  constructor(/** @type {HTMLElement} */ root, /** @type {FM.Scene} */ scene, /** @type {string} */ plotly) {
    this.root = root;
    this.scene = scene;
    this.calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    /** @type {FM.Options} */
    this.options = { speed: 1, loop: true, statistic: "variance", dimensions: false, ...scene.options(this.calm) };
    this.clock = new Clock();
    this.clock.set(this.calm ? 1 : 0, !this.calm);
    this.chart = new Chart(find(root, ".fm-chart"), plotly, (t) => this.pauseAt(t));
    this.scrub = find(root, ".fm-scrub", HTMLInputElement);
    this.particle = find(root, ".fm-particle", HTMLInputElement);
    this.body = find(root, ".fm-numbers tbody", HTMLTableSectionElement);
    this.menu = find(root, '[data-option="statistic"]', HTMLSelectElement);
    const template = find(root, ".fm-words", HTMLTemplateElement);
    this.words = template.dataset;
    this.menu.replaceChildren(...template.content.children);
    find(root, ".fm-subject").textContent = this.words.subject ?? "";
    Object.assign(find(root, ".fm-figure"), { textContent: this.words.figure, title: this.words.figureTitle });
  }

  async receive(/** @type {FM.Packet} */ packet) {
    const mine = ++this.received;
    const run = await decode(packet);
    if (mine !== this.received) return; // a newer run came while this one was decoded
    const sameData = this.run?.target === run.target && this.run?.source === run.source;
    if (!sameData && !this.calm) this.clock.set(0, true);
    this.run = run;
    if (Number(this.selected) >= run.particles) this.selected = null;
    this.arrange(run);
    this.refresh();
    this.particle.max = String(run.particles - 1);
    const { dataset } = this.root;
    Object.assign(dataset, { sides: run.sides.length, steps: finest(run).steps, run: Number(dataset.run) + 1 });
  }

  /** Make a figure and a table row for each side. @param {FM.Run} run */
  arrange(run) {
    const { figures, scene, root } = this;
    const { source, target, particles, sides } = run;
    while (figures.length > sides.length) figures.pop()?.remove();
    for (let index = figures.length; index < sides.length; index++) {
      const innerHTML = '<figcaption></figcaption><canvas role="img"></canvas>';
      figures.push(make("figure", { className: `fm-panel fm-${"ab"[index]}`, innerHTML }));
      find(root, ".fm-panels").append(figures[index]);
      const canvas = find(figures[index], "canvas");
      canvas.onclick = (event) => this.select(this.pictures[index].nearest(event, this.clock.t));
    }
    find(root, ".fm-stage").classList.toggle("fm-two", sides.length > 1);
    const rows = sides.map((side, index) => {
      const name = sides.length > 1 ? "AB"[index] : "";
      const data = make("small", {}, ` ${source} → ${target}, ${scene.caption(run)}`);
      find(figures[index], "figcaption").replaceChildren(make("b", {}, name && `${name}: `), side.label, data);
      const ariaLabel = `${particles} ${this.words.subject}s travelling from ${source} to ${target}: ${side.label}`;
      Object.assign(find(figures[index], "canvas"), { ariaLabel });
      const cells = ["", "", "", "", String(side.milliseconds)].map((text) => make("td", {}, text));
      return make("tr", { className: `fm-${"ab"[index]}` }, make("th", { scope: "row" }, name || "run"), ...cells);
    });
    this.body.replaceChildren(...rows);
  }

  /** Redraw pictures and chart for the current run, options and theme. */
  refresh() {
    const { run, scene, options, root } = this;
    if (!run) return;
    scene.offer?.(root, run, options);
    find(root, ".fm-dimensions").hidden = !scene.dimensions || options.statistic !== "variance";
    const { text, dataset } = this.menu.selectedOptions[0];
    find(root, ".fm-explanation").textContent = dataset.about ?? scene.explainVariance(run);
    this.chart.show(run, text, scene.traces[options.statistic], options.dimensions);
    this.resize();
  }

  /** Redraw the pictures. The visible player puts its settings into the address, so that a link opens them. */
  resize() {
    const { run, scene, figures, root } = this;
    if (!run) return;
    this.pictures = figures.map((figure, index) => scene.picture(figure, run, index));
    this.draw();
    if (root.offsetParent) history.replaceState(history.state, "", addressOf(run.query, location));
  }

  frame(/** @type {number} */ now) {
    if (this.root.isConnected) requestAnimationFrame((next) => this.frame(next));
    else this.listening.abort();
    if (this.clock.tick(now, this.options)) this.draw();
  }

  pauseAt(/** @type {number} */ t) {
    this.clock.set(t, false);
    this.draw();
  }

  select(/** @type {number | null} */ particle) {
    this.selected = particle;
    this.particle.value = this.root.dataset.selected = String(particle ?? "");
    this.draw();
  }

  draw() {
    const { run, clock, root, scrub } = this;
    if (!run) return;
    for (const picture of this.pictures) picture.draw(clock.t, this.options, this.selected);
    this.chart.moveCursor(clock.t);
    const { t, steps } = finest(run);
    const step = stateAt(t.values, clock.t);
    Object.assign(root.dataset, { step, t: clock.t.toFixed(4), playing: clock.playing });
    write(find(root, ".fm-time"), `t = ${clock.t.toFixed(3)}`);
    if (document.activeElement !== scrub || clock.playing) scrub.value = String(1000 * clock.t);
    scrub.ariaValueText = `t = ${clock.t.toFixed(2)}, step ${step} of ${steps}`;
    const button = find(root, ".fm-play");
    const [label, icon] = clock.playing ? ["Pause (space)", PAUSE_ICON] : ["Play (space)", PLAY_ICON];
    if (button.ariaLabel !== label) find(button, "path", SVGElement).setAttribute("d", icon);
    button.ariaLabel = label;
    for (const [index, side] of run.sides.entries()) {
      const state = stateAt(side.t.values, clock.t);
      const evaluations = `${(side.nfe * state) / side.steps} / ${side.nfe}`;
      const variance = side.statistics.variance[0][state].toFixed(3);
      const texts = [`${state} / ${side.steps}`, evaluations, variance, this.scene.figureOf(run, side, state)];
      for (const [column, text] of texts.entries()) write(this.body.rows[index].cells[column + 1], text);
    }
    this.drawReadOut(run);
  }

  drawReadOut(/** @type {FM.Run} */ run) {
    const { scene, selected, root, clock } = this;
    const place = find(root, ".fm-readout");
    place.ariaLive = clock.playing ? "off" : "polite";
    const { article, subject = "" } = this.words;
    let text = `Click ${article} ${subject} to follow it.`;
    if (selected !== null) {
      const read = run.sides.map((side) => scene.readOut(side, clock.t, selected));
      const named = read.length > 1 ? read.map((words, index) => `${"AB"[index]} ${words}`) : read;
      text = `${subject[0].toUpperCase()}${subject.slice(1)} ${selected}: ${named.join("; ")}`;
    }
    write(place, text);
    scene.detail?.(find(root, ".fm-detail"), run, clock.t, selected);
  }
}

/** The side with more steps, whose states the step buttons visit. @param {FM.Run} run */
export const finest = ({ sides }) => sides.reduce((a, b) => (b.steps > a.steps ? b : a));

/** The address of these settings; Gradio's own parameters stay.
 * @param {string} query @param {{ pathname: string, search: string, hash: string }} location */
export function addressOf(query, { pathname, search, hash }) {
  const parameters = new URLSearchParams(query);
  for (const [key, value] of new URLSearchParams(search)) if (key.startsWith("__")) parameters.set(key, value);
  return pathname + (parameters.size ? `?${parameters}` : "") + hash;
}
