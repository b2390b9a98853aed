// The menu of files in which a run can be taken along.
import { Refused } from "./calls.js";
import { csv } from "./csv.js";
import { find, make, write } from "./dom.js";
import { download, sizeOf } from "./download.js";
import { film } from "./film.js";
import { createListing } from "./listing.js";
import { fileName } from "./name.js";
import { canRecord, videoEnding } from "./record.js";
import { picture } from "./sheet.js";

/** @typedef {"png" | "gif" | "video" | "npz" | "csv" | "py"} Kind */
/** What the menu needs of its player. `draw(t)` redraws the canvases at time t at once, `restore()` at the clock's;
 * `time()` is the clock's; `complete` has the run know all that a chart can show; `ask` has the server make a file, or throws Refused.
 * @typedef {{ run(): FM.Run | null, canvases(): HTMLCanvasElement[], titles(): string[], sentence(): string,
 *   draw(t: number): void, restore(): void, colours(): import("./sheet.js").Colours, time?(): number,
 *   complete(): Promise<unknown>,
 *   ask(kind: "npz" | "py"): Promise<FM.Message> }} Source */

const FILM = { frames: 101, milliseconds: 5000 };
/** @type {[Kind, string, string][]} */
const ENTRIES = [
  ["png", "Picture (PNG)", "What the player shows now"],
  ["gif", "Animation (GIF)", "From t = 0 to t = 1, made in this browser"],
  ["video", "Video", "From t = 0 to t = 1, recorded in this browser while it plays once"],
  ["npz", "Arrays (NPZ)", "All states, for NumPy"],
  ["csv", "Chart (CSV)", "The statistics of every step"],
  ["py", "Python", "A program that computes the same run"],
];

/** Builds the menu in `place`. @param {HTMLElement} place @param {Source} source */
export function connectSave(place, source) {
  const menu = new SaveMenu(place, source);
  place.addEventListener("click", ({ target }) => {
    if (target instanceof HTMLElement && target.dataset.save) menu.save(/** @type {Kind} */ (target.dataset.save));
  });
  place.addEventListener("keydown", (event) => menu.onKey(event));
}

/** Why a film ends early; its message is a sentence for the person who waits for it. */
class Stopped extends Error {}

class SaveMenu {
  filming = /** @type {AbortController | null} */ (null);

  /** @param {HTMLElement} place @param {Source} source */
  constructor(place, source) {
    this.source = source;
    this.menu = make("details", { className: "fm-save" }, make("summary", {}, "Save"), entries());
    this.status = make("span", { role: "status" });
    this.cancel = make("button", { type: "button", textContent: "Cancel", hidden: true });
    this.cancel.onclick = () => this.filming?.abort(new Stopped("Cancelled."));
    place.append(this.menu, make("span", { className: "fm-save-state" }, this.status, this.cancel));
    this.list = createListing(place);
  }

  /** Keys that the player would take for its own. @param {KeyboardEvent} event */
  onKey(event) {
    const { key, target } = event;
    const inside = target instanceof Element && target.closest("dialog") !== null;
    if (inside || key === " " || key === "Escape") event.stopPropagation();
    if (inside || key !== "Escape" || !this.menu.open) return;
    this.menu.open = false;
    find(this.menu, "summary").focus();
  }

  /** @param {Kind} kind */
  async save(kind) {
    const run = this.source.run();
    if (!run) return write(this.status, "There is no run yet.");
    try {
      await this.make(kind, run);
    } catch (error) {
      const known = error instanceof Stopped || error instanceof Refused;
      const sentence = known ? error.message : `This could not be saved: ${error}`;
      write(this.status, sentence);
    }
  }

  /** @param {Kind} kind @param {FM.Run} run */
  async make(kind, run) {
    if (kind === "png") this.keep(await picture(this.source.canvases(), this.words()), fileName(run, "png"));
    if (kind === "csv") await this.source.complete();
    if (kind === "csv") this.keep(new Blob([csv(run)], { type: "text/csv" }), fileName(run, "csv"));
    if (kind === "gif") this.keep(await this.film("gif", run), fileName(run, "gif"));
    if (kind === "video") this.keep(await this.film("video", run), fileName(run, videoEnding()));
    if (kind !== "npz" && kind !== "py") return;
    write(this.status, "Asking the server …");
    const { header, data } = await this.source.ask(kind);
    if (kind === "npz") this.keep(new Blob([data], { type: "application/octet-stream" }), header.file);
    else this.show(header.file, new TextDecoder().decode(data));
  }

  /** @param {"gif" | "video"} kind @param {FM.Run} run */
  async film(kind, run) {
    const { source, cancel } = this;
    if (this.filming) throw new Stopped("One animation is being made already.");
    this.filming = new AbortController();
    cancel.hidden = false;
    const canvases = source.canvases();
    const draw = (/** @type {number} */ t) => {
      if (source.run() !== run) throw new Stopped("The run has changed, so the animation was given up.");
      if (!canvases.every(isVisible)) throw new Stopped("The player is out of sight, so the animation was given up.");
      source.draw(t);
    };
    const { signal } = this.filming;
    const options = { ...FILM, signal, restore: source.restore, progress: progressOf(this.status) };
    try {
      return await film(kind, draw, canvases, this.words(), options);
    } finally {
      if (cancel === document.activeElement) find(this.menu, "summary").focus();
      cancel.hidden = true;
      this.filming = null;
    }
  }

  /** @param {string} name @param {string} text */
  show(name, text) {
    this.list(name, text);
    write(this.status, "");
  }

  /** @param {Blob} blob @param {string} name */
  keep(blob, name) {
    download(blob, name);
    write(this.status, `Saved ${name} (${sizeOf(blob.size)}).`);
  }

  words() {
    const { source } = this;
    return { sentence: source.sentence(), titles: source.titles(), colours: source.colours(), time: source.time?.() };
  }
}

/** The entries that this browser can make. */
function entries() {
  const offered = ENTRIES.filter(([kind]) => kind !== "video" || canRecord());
  return make("div", { className: "fm-save-entries" }, ...offered.map(entry));
}

/** @param {[Kind, string, string]} entry */
function entry([kind, text, title]) {
  const ending = kind === "video" ? ` (${{ mp4: "MP4", webm: "WebM" }[videoEnding()]})` : "";
  const button = make("button", { type: "button", title, textContent: text + ending });
  button.dataset.save = kind;
  return button;
}

/** Says how far it is, in steps that one can listen to. @param {Element} status */
const progressOf = (status) => (/** @type {number} */ done) =>
  write(status, `Making the animation: ${10 * Math.floor(10 * done)}%`);

/** @param {HTMLCanvasElement} canvas */
const isVisible = (canvas) => canvas.isConnected && canvas.clientWidth > 0;
