// The probe: why the arrow at a place points where it does. It follows the clock, and can be dragged.
import { call, Refused } from "./calls.js";
import { find, make, write } from "./dom.js";
import { newestOf } from "./newest.js";
import { decode } from "./packet.js";
import { readOut, sentenceOf, termsOf, valuesOf } from "./probe_words.js";

const PAUSE = 40; // milliseconds between two requests
const SETTLED = 250; // milliseconds at one place and time, after which the flow through it is asked for
const STEP = 0.01; // of the window, by an arrow key
/** @type {Record<string, [number, number]>} */
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const CLOSES = ["Enter", " ", "Escape"];

export class Probe {
  at = /** @type {number[] | null} */ (null);
  key = ""; // of what was asked last,
  fields = ""; // and of its fields
  found = /** @type {FM.Probed | null} */ (null);
  flow = /** @type {FM.ProbedFlow | null} */ (null);
  trouble = "";
  pending = { run: false, flow: false }; // what is asked, or about to be
  stopping = new AbortController();
  timer = 0;
  held = false; // that the flow was not asked for, because the clock ran
  handles = /** @type {HTMLElement[]} */ ([]);

  /** @param {import("./player.js").Player} player */
  constructor(player) {
    this.player = player;
    this.ask = newestOf((/** @type {Record<string, unknown>} */ values) => this.answer("run", values), PAUSE);
  }

  /** Whether runs like this have arrows to ask about. @param {FM.Run | null} run @returns {run is FM.PointsRun} */
  fits(run) {
    return run !== null && this.player.scene.probed?.(run) === true;
  }

  /** Open it at a place, or move it there; null closes it. @param {number[] | null} at */
  put(at) {
    const open = this.at !== null;
    this.at = at?.length === 2 && at.every((x) => Math.abs(x) <= 20) ? at : null;
    if (this.at) return;
    Object.assign(this, { key: "", fields: "", found: null, flow: null, trouble: "" });
    this.pending = { run: false, flow: false };
    this.stop();
    if (open) this.announce();
  }

  /** Whether all that will be known of this place and time is known. */
  get settled() {
    return this.at === null || (this.key !== "" && !this.pending.run && !this.pending.flow);
  }

  /** Tell who listens that something was asked or answered. */
  announce() {
    this.player.root.dispatchEvent(new Event("probe"));
  }

  stop() {
    clearTimeout(this.timer);
    this.stopping.abort();
    this.stopping = new AbortController();
  }

  /** Ask what is not asked yet. @param {FM.PointsRun} run @param {number} t */
  follow(run, t) {
    if (!this.at) return;
    const values = valuesOf(run, this.at, t);
    const key = JSON.stringify(values);
    if (key === this.key) {
      if (this.held && !this.player.clock.playing) this.awaitFlow(values);
      return;
    }
    const fields = JSON.stringify({ ...values, x: 0, y: 0, t: 0 });
    if (fields !== this.fields) this.found = null;
    Object.assign(this, { key, fields, flow: null, trouble: "", pending: { run: true, flow: true } });
    this.stop();
    this.ask(values);
    this.awaitFlow(values);
    this.announce();
  }

  /** Ask for the flow if the clock rests then; else once it does. @param {Record<string, unknown>} values */
  awaitFlow(values) {
    this.held = false;
    this.timer = Number(
      setTimeout(() => {
        this.held = this.player.clock.playing;
        if (!this.held) this.answer("flow", values);
      }, SETTLED),
    );
  }

  /** @param {"run" | "flow"} want @param {Record<string, unknown>} values */
  async answer(want, values) {
    const fields = JSON.stringify({ ...values, x: 0, y: 0, t: 0 });
    const { signal } = want === "flow" ? this.stopping : this.player.listening;
    try {
      await call("probe", want, values, signal, (message) => {
        if (!message.header.blocks || !this.at || fields !== this.fields) return;
        if (want === "run") this.found = decode(message);
        else if (JSON.stringify(values) === this.key) this.flow = decode(message);
      });
    } catch (error) {
      if (signal.aborted) return;
      if (want === "run") this.trouble = error instanceof Refused ? error.message : "The server did not answer.";
    }
    if (JSON.stringify(values) === this.key) this.pending[want] = false;
    this.player.draw();
    this.announce();
  }

  /** Draw what is known, and ask for the rest. @param {FM.Run} run @param {number} t */
  draw(run, t) {
    const fits = this.fits(run);
    if (fits) this.follow(run, t);
    for (const [index, picture] of this.player.pictures.entries()) {
      const place = fits && this.at ? (picture.pixelsOf?.(this.at) ?? null) : null;
      this.showHandle(index, place);
      if (fits && this.at && this.found) picture.drawProbe?.(this.found, index, this.flow);
    }
    if (fits) this.showDetail();
  }

  /** The line beneath the picture, if it is open. @param {FM.Run} run */
  words(run) {
    if (!this.at || !this.fits(run)) return "";
    return this.trouble || readOut(this.at, this.found);
  }

  /** @param {number} index @param {number[] | null} place in pixels */
  showHandle(index, place) {
    const figure = this.player.sides.figures[index];
    if (!place && !figure.querySelector(".fm-probe-point")) return;
    const handle = figure.querySelector(".fm-probe-point") ?? figure.appendChild(this.makeHandle(index));
    if (!(handle instanceof HTMLElement)) return;
    handle.hidden = !place;
    if (!place) return;
    const { offsetLeft, offsetTop, clientLeft } = find(figure, "canvas");
    Object.assign(handle.style, {
      left: `${place[0] + offsetLeft + clientLeft}px`,
      top: `${place[1] + offsetTop + clientLeft}px`,
    });
  }

  /** @param {number} index */
  makeHandle(index) {
    const ariaLabel = "The probe: arrow keys move it, Enter closes it";
    const handle = make("div", { className: "fm-probe-point", tabIndex: 0, role: "button", ariaLabel });
    let moved = 0;
    handle.addEventListener("pointerdown", (event) => {
      handle.setPointerCapture(event.pointerId);
      moved = 0;
    });
    handle.addEventListener("pointermove", (event) => {
      if (!handle.hasPointerCapture(event.pointerId)) return;
      moved += Math.hypot(event.movementX, event.movementY);
      if (moved > 3) this.move(this.player.pictures[index].placeAt?.(event) ?? null);
    });
    handle.addEventListener("pointerup", () => (moved > 3 ? this.player.address() : this.close()));
    handle.addEventListener("keydown", (event) => this.onKey(event));
    return handle;
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    const { run } = this.player;
    const move = MOVES[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey || !this.fits(run) || !this.at) return;
    if (!move && !CLOSES.includes(event.key)) return;
    event.preventDefault();
    event.stopPropagation(); // the player's keys are others
    if (!move) return this.close();
    const [[low], [high]] = run.window;
    const step = (event.shiftKey ? 10 : 1) * STEP * (high - low);
    const at = this.at.map((x, d) => x + step * move[d]);
    if (!this.player.pictures[0].pixelsOf?.(at)) return; // it would be lost
    this.move(at);
    this.player.address();
  }

  /** @param {number[] | null} at */
  move(at) {
    if (at) this.put(at);
    this.player.draw();
  }

  /** A click where no particle is: whether it is answered. @param {MouseEvent} event @param {number} index */
  openAt(event, index) {
    const { player } = this;
    const at = player.pictures[index].placeAt?.(event);
    if (!at || !this.fits(player.run)) return false;
    this.open(at, index);
    return true;
  }

  /** For who has no pointer. @param {FM.Run} run */
  openInMiddle(run) {
    if (!this.fits(run)) return;
    const [low, high] = run.window;
    this.open(
      low.map((x, d) => (x + high[d]) / 2),
      0,
    );
  }

  /** @param {number[]} at @param {number} index of the side whose handle the keys move */
  open(at, index) {
    const { player } = this;
    player.selected = null;
    this.move(at);
    player.address();
    find(player.sides.figures[index], ".fm-probe-point").focus({ preventScroll: true });
  }

  close() {
    this.put(null);
    this.player.root.focus({ preventScroll: true });
    this.player.draw();
    this.player.address();
  }

  /** The figures, beneath the picture. */
  showDetail() {
    const place = find(this.player.root, ".fm-detail");
    const { found } = this;
    place.hidden = !this.at || !found;
    if (place.hidden || !found) return;
    if (!place.firstElementChild) {
      const { content } = find(this.player.root, ".fm-probe-words", HTMLTemplateElement);
      place.append(content);
    }
    write(find(place, ".fm-probe-say > span"), sentenceOf(found.sides, this.flow));
    const lists = found.sides.map((side, k) => this.listOf(side, k));
    const text = lists.map(({ innerHTML }) => innerHTML).join("");
    const figures = find(place, ".fm-probe-figures");
    if (figures.innerHTML !== text) figures.replaceChildren(...lists);
  }

  /** @param {FM.ProbedSide} side @param {number} index */
  listOf(side, index) {
    const two = (this.found?.sides.length ?? 1) > 1;
    const terms = termsOf(side, this.flow?.sides[index].log_p).map(([label, mark, value]) => {
      const sign = mark
        ? [make("i", { className: `fm-mark-${mark}` }, mark === "network" || mark === "exact" ? "→" : "")]
        : [];
      return make("div", {}, make("dt", {}, ...sign, label), make("dd", {}, value));
    });
    const list = make("dl", { className: `fm-${"ab"[index]}` }, ...terms);
    if (two) list.dataset.side = "AB"[index];
    return list;
  }
}
