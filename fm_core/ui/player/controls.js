// The player's inputs: buttons, keys, options, and asking the server for runs.
import { displayIn, hasSettings, isTab, opening, tabOf } from "./address.js";
import { createAsks } from "./asks.js";
import { call, Refused, waitingWords } from "./calls.js";
import { find, make } from "./dom.js";
import { setLarge } from "./large.js";
import { isUnfinished } from "./numbers.js";
import { Player } from "./player.js";
import { connectSave } from "./save.js";
import { neighbour } from "./time.js";
import { finest } from "./transport.js";

/** @type {Record<string, (player: Player, run: FM.Run) => void>} */
const ACTIONS = {
  play: ({ clock }) => clock.set(clock.t < 1 || clock.playing ? clock.t : 0, !clock.playing),
  start: ({ clock }) => clock.set(0, false),
  end: ({ clock }) => clock.set(1, false),
  back: ({ clock }, run) => clock.set(neighbour(finest(run).t.values, clock.t, -1), false),
  forward: ({ clock }, run) => clock.set(neighbour(finest(run).t.values, clock.t, 1), false),
  probe: ({ probe }, run) => probe.openInMiddle(run),
  async link(player, run) {
    const link = location.origin + player.link();
    const copied = await navigator.clipboard?.writeText(link).then(
      () => true,
      () => false,
    );
    const field = make("input", { readOnly: true, value: link, ariaLabel: "The link to what you see" });
    const lacking = player.scene.unlinked?.(run) ?? "";
    find(player.root, ".fm-link").replaceChildren(copied ? "Copied: " : "Copy this: ", field, lacking);
    if (!copied) field.select();
  },
};
/** @type {Record<string, string>} */
const KEYS = { " ": "play", ArrowLeft: "back", ArrowRight: "forward", Home: "start", End: "end" };

/** What Gradio calls once per mount. @type {(scene: FM.Scene) => FM.Mount} */
export const mountOf = (scene) => (element, props, events) => {
  const search = props.search ?? opening(props.tab);
  const player = new Player(find(element, ".fm-player"), scene, props, displayIn(search));
  connect(player, search, events);
  player.frame(0);
  return player;
};

function connect(/** @type {Player} */ player, /** @type {string} */ search, /** @type {FM.Events} */ events) {
  const { root, particle, scrub, options } = player;
  const { signal } = player.listening;
  root.addEventListener("click", ({ target }) => {
    const button = target instanceof Element && target.closest("[data-action]");
    if (button) act(player, String(button.getAttribute("data-action")));
  });
  root.addEventListener("change", ({ target }) => {
    if (!(target instanceof HTMLInputElement || target instanceof HTMLSelectElement)) return;
    const { option, layer } = target.dataset;
    const value = target instanceof HTMLInputElement ? target.checked : target.value;
    if (layer) options.layers = options.layers.filter((name) => name !== layer).concat(value ? layer : []);
    else if (option) options[option] = typeof options[option] === "number" ? Number(value) : value;
    else return;
    player.refresh();
  });
  const large = find(root, ".fm-size", HTMLInputElement);
  large.addEventListener("change", () => setLarge(large.checked)); // which every player notices by the page's class
  scrub.addEventListener("input", () => player.pauseAt(Number(scrub.value) / 1000));
  for (const type of ["change", "pointerup"]) find(root, ".fm-time").addEventListener(type, () => player.address());
  particle.addEventListener("input", () => {
    if (particle.value === "") player.select(null);
    else if (player.run && particle.checkValidity()) player.select(Number(particle.value) - 1);
  });
  document.addEventListener("keydown", (event) => onKey(player, event), { signal });
  window.addEventListener("popstate", () => returnTo(player, events), { signal });
  connectSave(
    find(root, ".fm-foot"),
    player.saved((kind) => fileOf(player, kind, events)),
  );
  connectAsks(player, search, events);
  const sizes = new ResizeObserver(() => player.resize());
  sizes.observe(find(root, ".fm-panels"));
  const themes = new MutationObserver(() => player.refresh());
  themes.observe(document.body, { attributes: true, attributeFilter: ["class"] });
  themes.observe(document.documentElement, { attributes: true, attributeFilter: ["class"] });
  const views = new IntersectionObserver(([{ isIntersecting }]) => {
    player.rests = player.embedded && !isIntersecting; // the others stick to the screen
    player.wake();
  });
  views.observe(root);
  signal.onabort = () => [sizes, themes, views, player.chart].map((part) => part.disconnect());
}

function act(/** @type {Player} */ player, /** @type {string} */ action) {
  if (player.run) ACTIONS[action](player, player.run);
  player.wake();
  player.draw();
  if (action !== "link") player.address();
}

/** Keys work in the player, and on the page while nothing has the focus, unless a control needs them. */
function onKey(/** @type {Player} */ player, /** @type {KeyboardEvent} */ event) {
  const { activeElement: focused, body } = document;
  const unfocused = !player.embedded && (focused === body || focused === null);
  const ours = player.root.contains(focused) || unfocused;
  const withSpace = event.key === " " ? ", button, a, summary, [role=tab]" : "";
  const busy = focused?.matches(`input, select, textarea, [role=slider]${withSpace}`);
  const modified = event.ctrlKey || event.metaKey || event.altKey;
  if (!ours || busy || modified || !player.run || !player.isSeen()) return;
  if (event.key === "Escape" && !document.querySelector(":popover-open")) player.select(null);
  if (!Object.hasOwn(KEYS, event.key)) return;
  event.preventDefault();
  act(player, KEYS[event.key]);
}

/** The browser went back or forward: show what its address says. */
function returnTo(/** @type {Player} */ player, /** @type {FM.Events} */ { restore }) {
  if (player.embedded || opening(player.tab) !== location.search || !player.isSeen()) return;
  player.options = Object.assign(player.options, player.usual);
  player.selected = null;
  player.display(displayIn(location.search));
  player.numberSelected();
  restore(location.search.slice(1));
}

/** What comes with an event that answers a request to Gradio. @param {Player} player @param {string} type
 * @param {() => void} ask @returns {Promise<any>} */
function reply({ root }, type, ask) {
  return new Promise((resolve) => {
    root.addEventListener(type, (event) => resolve(/** @type {CustomEvent} */ (event).detail), { once: true });
    ask();
  });
}

/** A file of the run that the controls describe. @param {Player} player @param {string} kind @param {FM.Events} events */
async function fileOf(player, kind, { ask }) {
  let file = /** @type {FM.Message | null} */ (null);
  const values = await reply(player, "values", ask);
  await call(player.tab, kind, values, player.listening.signal, (message) => {
    if (message.header.file) file = message;
  });
  if (!file) throw new Refused("The server could not make this file.");
  return file;
}

/** A function that acts once for each part of each run, until it says that it did.
 * @param {(run: FM.Run, part: string) => Promise<boolean>} act */
function once(act) {
  const acts = /** @type {WeakMap<FM.Run, Record<string, Promise<boolean>>>} */ (new WeakMap());
  return async (/** @type {FM.Run} */ run, /** @type {string} */ part) => {
    const done = acts.get(run) ?? {};
    acts.set(run, done);
    done[part] ??= act(run, part);
    if (!(await done[part])) delete done[part];
  };
}

const UNSERVED = "The server did not answer, so what this view shows is missing. Choose it again.";

/** What only some views and charts need, and what a call that was stopped left out. @param {Player} player
 * @param {FM.Run} run @param {string} part @param {Record<string, unknown>} values */
async function fetchMore(player, run, part, values) {
  const hear = (/** @type {FM.Message} */ message) => {
    if (message.header.blocks && player.run === run) player.complete(message);
  };
  try {
    await call(player.tab, part, values, player.listening.signal, hear);
    return true;
  } catch (error) {
    if (player.run === run) player.refuse(error instanceof Refused ? error.message : UNSERVED);
    return false;
  }
}

/** Whether the address names another tab, which is about to be shown, so that this one need not ask. @param {string} tab */
function isElsewhere(tab) {
  const named = tabOf(location.search);
  return !isTab(named, tab) && document.querySelector(`#tabs [data-tab-id="${CSS.escape(named)}"]`) !== null;
}

/** @param {Player} player @param {string} search @param {FM.Events} events */
function connectAsks(player, search, { ask, apply, restore }) {
  const root = /** @type {FM.Root} */ (player.root);
  const { dataset } = root;
  let running = new AbortController();
  const measured = /** @type {WeakSet<FM.Run>} */ (new WeakSet()); // the runs whose figures came
  const asks = createAsks({
    run(ticket) {
      dataset.started = String(ticket);
      player.age(true);
      running = new AbortController();
      player.tell(player.run ? "Computing …" : "Computing the first run …");
      const { signal } = running;
      compute(signal).then(
        () => asks.settle(),
        (error) => {
          if (error instanceof Refused) refuse(error.message);
          if (error instanceof Refused || signal.aborted) asks.settle();
          else asks.fail();
        },
      );
    },
    stop: () => running.abort(),
    newest: () => Number(dataset.asked ?? 0),
    busy: (is) => (is ? root.setAttribute("aria-busy", "true") : root.removeAttribute("aria-busy")),
    dragging: () => document.querySelector("input[type=range]:active") !== null,
    typing: () => isUnfinished(document.activeElement),
    failed: (pause) => player.tell(`The server did not answer. Trying again in ${pause} s.`, true),
  });

  /** Ask for a run, and show it as it comes. @param {AbortSignal} signal */
  async function compute(signal) {
    const ticket = dataset.started;
    const values = await reply(player, "values", ask);
    let applied = Promise.resolve();
    let parts = 0;
    const answer = call(player.tab, "run", values, signal, (message) => {
      const { updates, before } = message.header;
      if (signal.aborted) return;
      if (updates) applied = applyUpdates(updates);
      else if (before !== undefined) parts || player.tell(waitingWords(message.header));
      else if (parts++) {
        player.complete(message);
        if (player.run) measured.add(player.run);
      } else {
        const ended = () => answer.catch(() => {}); // whose parts would come upon later ones
        const superseded = () => dataset.asked !== ticket && root.ariaBusy === "true";
        player.onLack = once((run, part) => ended().then(() => !superseded() && fetchMore(player, run, part, values)));
        player.receive(message);
        asks.show();
      }
    });
    await answer;
    await applied;
  }

  /** Unless something newer was asked. @param {Record<string, object>} updates */
  async function applyUpdates(updates) {
    if (dataset.asked !== dataset.started || !Object.keys(updates).length) return;
    root.updates = updates;
    await reply(player, "applied", apply);
  }

  /** Show why, and the run that stays, with the figures that it may lack. @param {string} sentence */
  const refuse = (sentence) => {
    player.age(false);
    player.refuse(sentence);
    if (player.run && !measured.has(player.run)) player.onLack(player.run, "more");
    player.tell("No new run.");
  };
  root.addEventListener("ask", () => asks.ask());
  root.addEventListener("refused", (event) => refuse(/** @type {CustomEvent<string>} */ (event).detail));
  for (const type of ["input", "click"]) root.closest(".tabitem")?.addEventListener(type, () => player.refuse(""));
  find(root, ".fm-again").onclick = () => asks.again();
  const { signal } = player.listening;
  signal.addEventListener("abort", () => running.abort());
  for (const type of ["pointerup", "pointercancel"]) document.addEventListener(type, () => asks.release(), { signal });
  const begin = () => {
    if (dataset.asked) asks.ask();
    else if (hasSettings(search)) restore(search.slice(1));
    else {
      dataset.asked = "1";
      asks.ask();
    }
  };
  if (player.embedded || !isElsewhere(player.tab)) return begin();
  const opened = new AbortController();
  const onTab = (/** @type {Event} */ event) => {
    if (!isTab(/** @type {CustomEvent<string>} */ (event).detail, player.tab)) return;
    opened.abort();
    begin();
  };
  window.addEventListener("fm-tab", onTab, { signal: AbortSignal.any([signal, opened.signal]) });
}
