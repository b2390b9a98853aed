// The player: a clock that drives the pictures, the chart's cursor, the sentence and the figures of a run.
import { addressOf, displayOf, isLarge, show } from "./address.js";
import { Chart } from "./chart.js";
import { Clock } from "./clock.js";
import { coloursOf, find, make, painted, write } from "./dom.js";
import { meaningOf } from "./noise.js";
import { add, decode } from "./packet.js";
import { Probe } from "./probe.js";
import { sentenceOf } from "./sentence.js";
import { stateAt } from "./time.js";

const PLAY_ICON = "M4 2.5v11L13.5 8z";
const PAUSE_ICON = "M3.5 2.5h3v11h-3zM9.5 2.5h3v11h-3z";

const LOOK = 250; // milliseconds between two looks of a player that rests
const FEW = 10; // steps, between which the figures of the last state are seen to lag behind

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
  figures = /** @type {HTMLElement[]} */ ([]);
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
    this.body = find(root, ".fm-numbers tbody", HTMLTableSectionElement);
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
    this.showOptions();
  }

  /** The inputs of the options show their values. */
  showOptions() {
    const { options, root } = this;
    for (const input of root.querySelectorAll("[data-option]")) {
      const name = /** @type {HTMLElement} */ (input).dataset.option ?? "";
      if (input instanceof HTMLInputElement) input.checked = options[name] === true;
      if (!(input instanceof HTMLSelectElement)) continue;
      const known = [...input.options].some(({ value, hidden }) => value === String(options[name]) && !hidden);
      if (!known) options[name] = this.usual[name];
      input.value = String(options[name]);
    }
    for (const input of root.querySelectorAll("input[data-layer]")) {
      if (input instanceof HTMLInputElement) input.checked = options.layers.includes(input.dataset.layer ?? "");
    }
    for (const part of root.querySelectorAll("[data-when]")) {
      const [option, value] = /** @type {HTMLElement} */ (part).dataset.when?.split(" ") ?? [];
      /** @type {HTMLElement} */ (part).hidden = String(options[option]) !== value;
    }
    find(root, ".fm-size", HTMLInputElement).checked = isLarge(location.search);
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
    this.age(false);
    write(place, sentence);
  }

  /** Make a figure and a table row for each side. @param {FM.Run} run */
  arrange(run) {
    const { figures, scene, root } = this;
    const { source, target, particles, sides } = run;
    while (figures.length > sides.length) figures.pop()?.remove();
    for (let index = figures.length; index < sides.length; index++) {
      const innerHTML =
        '<figcaption></figcaption><canvas role="img"></canvas><p class="fm-variance" aria-hidden="true">variance <i></i> <span></span></p>';
      figures.push(make("figure", { className: `fm-panel fm-${"ab"[index]}`, innerHTML }));
      find(root, ".fm-panels").append(figures[index]);
      const canvas = find(figures[index], "canvas");
      canvas.onclick = (event) => this.click(event, index);
    }
    root.classList.toggle("fm-two", sides.length > 1);
    const rows = sides.map((side, index) => {
      const name = sides.length > 1 ? "AB"[index] : "";
      find(figures[index], "figcaption").replaceChildren(make("b", {}, name && `${name} `), side.title);
      const ariaLabel = `${name && `Run ${name}: `}${particles} ${this.words.subject}s travelling from ${source} to ${target}: ${side.label}`;
      Object.assign(find(figures[index], "canvas"), { ariaLabel });
      const cells = ["", "", ...scene.figures(side, 0, run).map(() => "")].map((text) => make("td", {}, text));
      return make("tr", { className: `fm-${"ab"[index]}` }, make("th", { scope: "row" }, name || "run"), ...cells);
    });
    this.body.replaceChildren(...rows);
    const asked = this.comparisons.findIndex(([query]) => query === run.query);
    const watch = asked < 0 ? scene.caption(run) : `Watch ${this.comparisons[asked][1]}`;
    write(find(root, ".fm-watch"), watch);
    for (const [k] of this.comparisons.entries())
      document.getElementById(`${this.tab}-compare-${k}`)?.setAttribute("aria-pressed", String(k === asked));
    for (const cost of document.querySelectorAll(`.fm-columns:has(#${this.tab}-player) .fm-cost`)) {
      const side = sides[/** @type {HTMLElement} */ (cost).dataset.side ? 1 : 0];
      write(cost, side ? `${side.nfe} evaluation${side.nfe === 1 ? "" : "s"}` : "");
    }
    const spent = sides.reduce((sum, { milliseconds }) => sum + milliseconds, 0) / 1000;
    write(find(root, ".fm-seconds"), `Computed on the server in ${spent.toFixed(spent < 0.1 ? 2 : 1)} s.`);
  }

  /** Redraw pictures and chart for the current run, options and theme. @param {Promise<unknown>} [first] before the chart */
  refresh(first) {
    const { run, scene, options, root } = this;
    if (run) this.offer(run);
    this.showOptions();
    if (!run) return;
    for (const part of scene.lacks?.(run, options) ?? []) this.onLack(run, part);
    find(root, ".fm-dimensions").hidden = !scene.dimensions || options.statistic !== "variance";
    this.offerCharts(run);
    const { about = scene.explainVariance(run), scale } = this.menu.selectedOptions[0].dataset;
    const words = scene.lacking?.(run, options.statistic)?.[1] ?? `${about} ${meaningOf(run, options.statistic)}`;
    find(root, ".fm-chart-words > p").innerHTML = words;
    find(root, ".fm-close").hidden = scale === "log";
    this.resize();
    this.chart.show(run, scene.traces[options.statistic], { ...options, scale }, first);
  }

  /** The menu says which charts this run cannot have, and why. @param {FM.Run} run */
  offerCharts(run) {
    for (const option of this.menu.options) {
      const lacking = this.scene.lacking?.(run, option.value);
      option.dataset.name ??= option.text;
      option.disabled = Boolean(lacking);
      option.text = option.dataset.name + (lacking ? `: ${lacking[0]}` : "");
    }
  }

  /** Hide what this run lacks, and the columns of the table without a head. @param {FM.Run} run */
  offer(run) {
    const offered = this.scene.offers(run, this.options);
    for (const part of this.root.querySelectorAll("[data-needs]")) {
      const { dataset } = /** @type {HTMLElement} */ (part);
      const lacking = offered[dataset.needs ?? ""] === false;
      part.toggleAttribute("hidden", lacking);
      if (part instanceof HTMLOptionElement) part.disabled = lacking; // for browsers that show hidden ones
    }
    const [heads, ...rows] = find(this.root, ".fm-numbers", HTMLTableElement).rows;
    for (const [k, { hidden }] of [...heads.cells].entries()) for (const { cells } of rows) cells[k].hidden = hidden;
  }

  /** Redraw the pictures, and show the settings of the visible player in the address. */
  resize() {
    const { run, scene, figures, options } = this;
    if (!run || !this.isSeen()) return;
    this.pictures = figures.map((figure, index) => scene.picture(figure, run, index, options));
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

  draw() {
    const { run, clock, root, scrub, scene } = this;
    if (!run) return;
    for (const picture of this.pictures) picture.draw(clock.t, this.options, this.selected);
    this.probe.draw(run, clock.t);
    this.chart.moveCursor(clock.t);
    const { t, steps, nfe } = finest(run);
    const step = stateAt(t.values, clock.t);
    Object.assign(root.dataset, { step, t: clock.t.toFixed(4), playing: clock.playing });
    const place = `step ${step} of ${steps}`;
    write(find(root, ".fm-place"), place);
    write(find(root, ".fm-spent"), nfe ? ` · ${evaluationsOf(nfe, step, steps)} evaluations` : " · no network");
    write(find(root, ".fm-t"), `t = ${clock.t.toFixed(3)}`);
    const thumb = String(1000 * clock.t);
    if (Math.abs(Number(scrub.value) - 1000 * clock.t) > 0.5) scrub.value = thumb;
    scrub.ariaValueText = `t = ${clock.t.toFixed(2)}, ${place}`;
    scrub.style.setProperty("--fm-done", `${100 * clock.t}%`);
    const button = find(root, ".fm-play");
    const [label, icon] = clock.playing ? ["Pause (space)", PAUSE_ICON] : ["Play (space)", PLAY_ICON];
    if (button.ariaLabel !== label) find(button, "path", SVGElement).setAttribute("d", icon);
    button.ariaLabel = label;
    for (const [index, side] of run.sides.entries()) {
      const state = stateAt(side.t.values, clock.t);
      const figures = scene.figures(side, state, run);
      const both = figures.map(([, now, end]) => [now, end].filter(Boolean).join(" → "));
      const texts = [`${state} of ${side.steps}`, evaluationsOf(side.nfe, state, side.steps), ...both];
      for (const [column, text] of texts.entries()) write(this.body.rows[index].cells[column + 1], text);
      const [, now, end] = figures[0];
      const when = side.steps > FEW ? "now" : "at the last state";
      write(find(this.figures[index], ".fm-variance i"), when);
      write(find(this.figures[index], ".fm-variance span"), `${now}\nat the end ${end}`);
    }
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
    const probed = this.probe.words(run);
    root.classList.toggle("fm-following", selected !== null || probed !== "");
    if (document.activeElement !== this.particle) this.particle.value = selected === null ? "" : `${selected + 1}`;
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
      canvases: () => this.figures.map((figure) => find(figure, "canvas", HTMLCanvasElement)),
      titles: () => this.figures.map((figure) => find(figure, "figcaption").textContent ?? ""),
      sentence: () => this.said,
      draw: drawAt,
      restore: () => this.draw(),
      time: () => this.clock.t,
      colours: () => ({ ink: of("ink"), paper: of("paper"), soft: of("soft"), a: of("a"), b: of("b") }),
      ask,
    };
  }
}

/** Evaluations until a state, of all. @param {number} nfe @param {number} state @param {number} steps */
const evaluationsOf = (nfe, state, steps) => (nfe ? `${(nfe * state) / steps} of ${nfe}` : "0");

/** The side with more steps, whose states the step buttons visit. @param {FM.Run} run */
export const finest = ({ sides }) => sides.reduce((a, b) => (b.steps > a.steps ? b : a));
