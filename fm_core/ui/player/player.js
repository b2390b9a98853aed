// The player: a clock that drives the pictures, the chart's cursor, the sentence and the figures of a run.
import { addressOf, displayOf, show } from "./address.js";
import { Chart } from "./chart.js";
import { Clock } from "./clock.js";
import { coloursOf, find, make, painted, write } from "./dom.js";
import { meaningOf } from "./noise.js";
import { offer, offerCharts, showOptions } from "./offers.js";
import { add, decode } from "./packet.js";
import { Probe } from "./probe.js";
import { sentenceOf } from "./sentence.js";
import { Sides } from "./sides.js";
import { drawTransport, finest } from "./transport.js";

const LOOK = 250; // milliseconds between two looks of a player that rests

/** @type {FM.Options} */
const USUAL = {
  speed: 1,
  loop: true,
  statistic: "variance",
  dimensions: false,
  close: false,
  layers: [],
};

export class Player {
  said = "";
  run = /** @type {FM.Run | null} */ (null);
  pictures = /** @type {FM.Picture[]} */ ([]);
  selected = /** @type {number | null} */ (null);
  listening = new AbortController();
  onLack = (/** @type {FM.Run} */ _run, /** @type {string} */ _part) => Promise.resolve();

  /** @param {HTMLElement} root @param {FM.Scene} scene @param {FM.Props} props @param {Record<string, any>} display */
  constructor(root, scene, { plotly, tab, comparisons, search }, display) {
    this.root = root;
    this.scene = scene;
    this.tab = tab;
    this.embedded = search !== undefined; // in a lesson: the address is not its own
    this.rests = false;
    this.seen = Promise.resolve(); // that the newest picture was painted
    this.looking = /** @type {ReturnType<typeof setTimeout> | undefined} */ (undefined);
    this.comparisons = comparisons;
    this.calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.usual = { ...USUAL, ...scene.options(this.calm) };
    this.options = { ...this.usual };
    this.clock = new Clock();
    this.clock.set(this.calm ? 1 : 0, !this.calm);
    this.chart = new Chart(find(root, ".fm-time"), plotly, (t) => this.pauseAt(t));
    this.stage = find(root, ".fm-stage");
    this.scrub = find(root, ".fm-scrub", HTMLInputElement);
    this.particle = find(root, ".fm-particle", HTMLInputElement);
    this.sides = new Sides(root, scene, (event, index) => this.click(event, index));
    this.menu = find(root, '[data-option="statistic"]', HTMLSelectElement);
    const template = find(root, ".fm-words", HTMLTemplateElement);
    this.words = template.dataset;
    this.name(template.content);
    this.probe = new Probe(this);
    this.display(display);
  }

  /** Name the statistics and the columns of the table. @param {DocumentFragment} words */
  name(words) {
    find(this.root, ".fm-subject").textContent = this.words.subject ?? "";
    this.menu.replaceChildren(...words.querySelectorAll("option"));
    this.menu.after(words);
    const heads = find(this.root, ".fm-heads", HTMLTemplateElement);
    find(this.root, ".fm-numbers thead tr").append(heads.content);
  }

  /** Show a run as an address says. @param {Record<string, any>} options */
  display({ follow, t, probe = null, ...options }) {
    for (const [name, value] of Object.entries(options)) if (name in this.usual) this.options[name] = value;
    if (Number.isInteger(follow) && follow > 0) this.selected = follow - 1;
    this.probe.put(probe);
    if (t >= 0 && t <= 1) this.clock.set(t, false);
    this.opened = t >= 0 && t <= 1;
    showOptions(this.root, this.options, this.usual);
  }

  /** Whether what is shown is not yet what was asked for. @param {boolean} old */
  age(old) {
    this.root.classList.toggle("fm-old", old);
  }

  receive(/** @type {FM.Message} */ packet) {
    this.age(false);
    const run = decode(packet);
    const sameData = this.run?.target === run.target && this.run?.source === run.source;
    if (!sameData && !this.calm && !this.opened && !this.embedded) this.clock.set(0, true);
    this.wake();
    this.opened = false;
    this.run = run;
    if (Number(this.selected) >= run.particles) this.selected = null;
    this.arrange(run);
    this.seen = painted();
    this.refresh(this.seen);
    this.particle.max = String(run.particles);
    const { dataset } = this.root;
    Object.assign(dataset, { sides: run.sides.length, steps: finest(run).steps, run: Number(dataset.run) + 1 });
    this.tell(`New run: ${run.sides.map((/** @type {FM.Side} */ side) => side.label).join(" against ")}.`);
    this.announce();
  }

  /** The run is known in more detail. @param {FM.Message} part */
  complete(part) {
    if (!this.run) return;
    add(this.run, decode(part));
    this.refresh(this.seen);
    this.announce();
  }

  /** Tell who listens that there is a new run, or more of it. */
  announce() {
    this.root.dispatchEvent(new CustomEvent("run", { detail: this.run }));
  }

  /** What the player is doing, in words: seen until there is a picture, and heard. @param {string} words */
  tell(words, again = false) {
    write(find(this.root, ".fm-state"), words);
    find(this.root, ".fm-again").hidden = !again;
    this.root.classList.toggle("fm-trouble", again);
  }

  /** Show a refusal, until the person does something else. @param {string} sentence */
  refuse(sentence) {
    const place = find(this.root, ".fm-refusal");
    place.hidden = !sentence;
    write(place, sentence);
  }

  /** Make room for a run's sides, and say what it is. @param {FM.Run} run */
  arrange(run) {
    const { scene, root } = this;
    this.sides.arrange(run, this.words.subject ?? "");
    const asked = this.comparisons.findIndex(([query]) => query === run.query);
    const watch = asked < 0 ? scene.caption(run) : `Watch ${this.comparisons[asked][1]}`;
    write(find(root, ".fm-watch"), watch);
    for (const [k] of this.comparisons.entries())
      document.getElementById(`${this.tab}-compare-${k}`)?.setAttribute("aria-pressed", String(k === asked));
    for (const cost of document.querySelectorAll(`.fm-columns:has(#${this.tab}-player) .fm-cost`)) {
      const side = run.sides[/** @type {HTMLElement} */ (cost).dataset.side ? 1 : 0];
      write(cost, side ? `${side.nfe} evaluation${side.nfe === 1 ? "" : "s"}` : "");
    }
    const spent = run.sides.reduce((sum, { milliseconds }) => sum + milliseconds, 0) / 1000;
    write(find(root, ".fm-seconds"), `Computed on the server in ${spent.toFixed(spent < 0.1 ? 2 : 1)} s.`);
  }

  /** Redraw pictures and chart for the current run, options and theme. @param {Promise<unknown>} [first] before the chart */
  refresh(first) {
    const { run, scene, options, root } = this;
    if (run) offer(root, scene.offers(run, options));
    showOptions(root, options, this.usual);
    if (!run) return;
    for (const part of scene.lacks?.(run, options) ?? []) this.onLack(run, part);
    find(root, ".fm-dimensions").hidden = !scene.dimensions || options.statistic !== "variance";
    offerCharts(this.menu, (statistic) => scene.lacking?.(run, statistic));
    const { about = scene.explainVariance(run), scale } = this.menu.selectedOptions[0].dataset;
    const words = scene.lacking?.(run, options.statistic)?.[1] ?? `${about} ${meaningOf(run, options.statistic)}`;
    find(root, ".fm-chart-words > p").innerHTML = words;
    find(root, ".fm-close").hidden = scale === "log";
    this.resize();
    this.chart.show(run, scene.traces[options.statistic], { ...options, scale }, first);
  }

  /** Redraw the pictures, and show the settings of the visible player in the address. */
  resize() {
    const { run, scene, sides, options } = this;
    if (!run || !this.isSeen()) return;
    this.pictures = sides.figures.map((figure, index) => scene.picture(figure, run, index, options));
    this.draw();
    this.address();
  }

  /** The link to what is seen. */
  link() {
    const { selected, options, clock, usual, run } = this;
    const follow = selected === null ? null : selected + 1; // people count from 1
    const t = clock.playing || (this.calm && clock.t === 1) ? null : Number(clock.t.toFixed(4));
    const probe = this.probe.at?.map((x) => Number(x.toFixed(4))) ?? null;
    return addressOf(run?.query ?? "", displayOf({ ...options, follow, probe, t }, usual), location);
  }

  /** Put it into the address. */
  address() {
    if (!this.run || this.embedded || !this.isSeen()) return;
    const { dataset } = this.root;
    show(this.tab, this.link(), dataset.push === "yes");
    delete dataset.push;
  }

  /** Each frame while it plays and is seen; else only a look, now and then, whether it still is on the page and rests. */
  frame(/** @type {number} */ now) {
    this.looking = undefined;
    if (!this.root.isConnected) return this.listening.abort();
    const moves = this.clock.playing && !this.rests && this.isSeen();
    if (moves && this.clock.tick(now, this.options)) this.draw();
    if (moves) requestAnimationFrame((next) => this.frame(next));
    else this.looking = setTimeout(() => this.frame(performance.now()), LOOK);
  }

  /** Play on at once. */
  wake() {
    if (!this.looking) return;
    clearTimeout(this.looking);
    this.looking = undefined;
    requestAnimationFrame((now) => this.frame(now));
  }

  /** Whether its tab is open. The root itself has no box on a phone. */
  isSeen = () => this.stage.checkVisibility();

  pauseAt(/** @type {number} */ t) {
    this.clock.set(t, false);
    this.draw();
  }

  /** On the picture of a side. @param {MouseEvent} event @param {number} index */
  click(event, index) {
    const particle = this.pictures[index].nearest(event, this.clock.t);
    if (particle !== null || !this.probe.openAt(event, index)) this.select(particle);
  }

  select(/** @type {number | null} */ particle) {
    this.selected = particle;
    this.probe.put(null);
    this.draw();
    this.address();
  }

  numberSelected() {
    this.particle.value = this.selected === null ? "" : `${this.selected + 1}`;
  }

  draw() {
    const { run, clock, root } = this;
    if (!run) return;
    for (const picture of this.pictures) picture.draw(clock.t, this.options, this.selected);
    this.probe.draw(run, clock.t);
    this.chart.moveCursor(clock.t);
    drawTransport(root, run, clock);
    this.sides.draw(run, clock.t);
    this.say(run);
    this.drawReadOut(run);
  }

  /** The sentence on what is seen now. @param {FM.Run} run */
  say(run) {
    const parts = sentenceOf(run, this.clock.t);
    const text = parts.map((part) => part.text).join("");
    if (text === this.said) return;
    this.said = text;
    find(this.root, ".fm-say").replaceChildren(
      ...parts.map(({ text, tone }) => (tone ? make("b", { className: `fm-tone-${tone}` }, text) : text)),
    );
  }

  drawReadOut(/** @type {FM.Run} */ run) {
    const { scene, selected, root, clock } = this;
    const place = find(root, ".fm-readout");
    place.ariaLive = clock.playing ? "off" : "polite";
    root.dataset.selected = String(selected ?? "");
    find(root, '[data-action="probe"]').hidden = !this.probe.fits(run);
    const probed = this.probe.words(run);
    root.classList.toggle("fm-following", selected !== null || probed !== "");
    if (document.activeElement !== this.particle) this.numberSelected();
    const { article, subject = "" } = this.words;
    const why = this.probe.fits(run) ? ", or an empty place to see why its arrow points there" : "";
    let text = probed || `Click ${article} ${subject} to follow it${why}.`;
    if (selected !== null) {
      const read = run.sides.map((side) => scene.readOut(side, clock.t, selected));
      const named = read.length > 1 ? `. A: ${read[0]}; B: ${read[1]}` : `: ${read[0]}`;
      const together = scene.together?.(run, selected) ?? "";
      text = `${subject[0].toUpperCase()}${subject.slice(1)} ${selected + 1}${named}${together && `. ${together}`}`;
    }
    write(place, text);
    scene.detail?.(find(root, ".fm-detail"), run, clock.t, selected);
  }

  /** What the menu of files needs. @param {(kind: string) => Promise<FM.Message>} ask @returns {import("./save.js").Source} */
  saved(ask) {
    const { root } = this;
    const drawAt = (/** @type {number} */ t) => {
      for (const picture of this.pictures) picture.draw(t, this.options, this.selected);
    };
    const of = coloursOf(root);
    return {
      run: () => this.run,
      complete: async () => {
        for (const part of this.scene.onDemand) if (this.run) await this.onLack(this.run, part);
      },
      canvases: () => this.sides.figures.map((figure) => find(figure, "canvas", HTMLCanvasElement)),
      titles: () => this.sides.figures.map((figure) => find(figure, "figcaption").textContent ?? ""),
      sentence: () => this.said,
      draw: drawAt,
      restore: () => this.draw(),
      time: () => this.clock.t,
      colours: () => ({ ink: of("ink"), paper: of("paper"), soft: of("soft"), a: of("a"), b: of("b") }),
      ask,
    };
  }
}
