// The player's inputs: buttons, keys, options, and asking the server for runs.
import { displayIn, hasSettings, opening } from "./address.js";
import { createAsks } from "./asks.js";
import { find, make } from "./dom.js";
import { isUnfinished } from "./numbers.js";
import { finest, Player } from "./player.js";
import { connectSave } from "./save.js";
import { neighbour } from "./time.js";

/** @type {Record<string, (player: Player, run: FM.Run) => void>} */
const ACTIONS = {
  play: ({ clock }) => clock.set(clock.t < 1 || clock.playing ? clock.t : 0, !clock.playing),
  start: ({ clock }) => clock.set(0, false),
  end: ({ clock }) => clock.set(1, false),
  back: ({ clock }, run) => clock.set(neighbour(finest(run).t.values, clock.t, -1), false),
  forward: ({ clock }, run) => clock.set(neighbour(finest(run).t.values, clock.t, 1), false),
  async link(player) {
    const link = location.origin + player.link();
    const copied = await navigator.clipboard?.writeText(link).then(
      () => true,
      () => false,
    );
    const field = make("input", { readOnly: true, value: link, ariaLabel: "The link to what you see" });
    find(player.root, ".fm-link").replaceChildren(copied ? "Copied: " : "Copy this: ", field);
    if (!copied) field.select();
  },
};
/** @type {Record<string, string>} */
const KEYS = { " ": "play", ArrowLeft: "back", ArrowRight: "forward", Home: "start", End: "end" };

/** What Gradio calls once per mount. @type {(scene: FM.Scene) => FM.Mount} */
export const mountOf = (scene) => (element, props, watch, events) => {
  const search = opening(props.tab);
  const player = new Player(find(element, ".fm-player"), scene, props, displayIn(search));
  const receive = () => props.value && player.receive(props.value);
  watch("value", receive);
  receive();
  connect(player, search, events);
  player.frame(0);
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
    player.showOptions();
    player.refresh();
  });
  scrub.addEventListener("input", () => player.pauseAt(Number(scrub.value) / 1000));
  for (const type of ["change", "pointerup"]) find(root, ".fm-time").addEventListener(type, () => player.address());
  particle.addEventListener("input", () => {
    if (particle.value === "") player.select(null);
    else if (player.run && particle.checkValidity()) player.select(Number(particle.value));
  });
  document.addEventListener("keydown", (event) => onKey(player, event), { signal });
  window.addEventListener("popstate", () => returnTo(player, events), { signal });
  connectSave(find(root, ".fm-foot"), player.saved(events.save));
  connectAsks(player, search, events);
  const sizes = new ResizeObserver(() => player.resize());
  sizes.observe(find(root, ".fm-panels"));
  const themes = new MutationObserver(() => player.refresh());
  themes.observe(document.body, { attributes: true, attributeFilter: ["class"] });
  themes.observe(document.documentElement, { attributes: true, attributeFilter: ["class"] });
  signal.onabort = () => [sizes, themes, player.chart].map((part) => part.disconnect());
}

function act(/** @type {Player} */ player, /** @type {string} */ action) {
  if (player.run) ACTIONS[action](player, player.run);
  player.draw();
  if (action !== "link") player.address();
}

/** Keys work in the player, and on the page while nothing has the focus, unless a control needs them. */
function onKey(/** @type {Player} */ player, /** @type {KeyboardEvent} */ event) {
  const { activeElement: focused, body } = document;
  const ours = player.root.contains(focused) || focused === body || focused === null;
  const withSpace = event.key === " " ? ", button, a, summary, [role=tab]" : "";
  const busy = focused?.matches(`input, select, textarea, [role=slider]${withSpace}`);
  const modified = event.ctrlKey || event.metaKey || event.altKey;
  if (!ours || busy || modified || !player.run || !player.isSeen()) return;
  if (event.key === "Escape") player.select(null);
  if (!Object.hasOwn(KEYS, event.key)) return;
  event.preventDefault();
  act(player, KEYS[event.key]);
}

/** The browser went back or forward: show what its address says. */
function returnTo(/** @type {Player} */ player, /** @type {FM.Events} */ { restore }) {
  if (opening(player.tab) !== location.search || !player.isSeen()) return;
  player.options = Object.assign(player.options, player.usual);
  player.display(displayIn(location.search));
  restore(location.search.slice(1));
}

const COMPUTING = "Computing …";
const WATCH = 3000; // milliseconds from one look to the next

/** Whether the server answers: a call that loses its connection never ends, and Gradio tells it only to the person. */
const isThere = () =>
  fetch(new URL("gradio_api/app_id", document.baseURI), { cache: "no-store" }).then(
    ({ ok }) => ok,
    () => false,
  );

/** The page asks with one event, and reports the end of a call with others.
 * @param {Player} player @param {string} search @param {FM.Events} events */
function connectAsks(player, search, { run, stop, restore }) {
  const { root } = player;
  const { dataset } = root;
  let before = 0;
  const asks = createAsks({
    run(ticket) {
      dataset.started = String(ticket);
      before = player.received;
      player.tell(player.run ? COMPUTING : "Computing the first run …");
      run(ticket);
    },
    stop,
    newest: () => Number(dataset.asked ?? 0),
    busy: (is) => (is ? root.setAttribute("aria-busy", "true") : root.removeAttribute("aria-busy")),
    dragging: () => document.querySelector("input[type=range]:active") !== null,
    typing: () => isUnfinished(document.activeElement),
    failed: (pause) => player.tell(`The server did not answer. Trying again in ${pause} s.`, true),
  });
  root.addEventListener("ask", () => asks.ask());
  root.addEventListener("settled", () => {
    asks.settle();
    const unchanged = player.received === before && find(root, ".fm-state").textContent === COMPUTING;
    if (unchanged && !root.hasAttribute("aria-busy")) player.tell("The run is the same as before.");
  });
  root.addEventListener("failed", () => asks.fail());
  root.addEventListener("refused", (event) => {
    player.refuse(/** @type {CustomEvent<string>} */ (event).detail);
    player.tell("No new run.");
  });
  for (const type of ["input", "click"]) root.closest(".tabitem")?.addEventListener(type, () => player.refuse(""));
  find(root, ".fm-again").onclick = () => asks.again();
  const { signal } = player.listening;
  const watch = setInterval(async () => {
    const { started } = dataset;
    const there = !root.hasAttribute("aria-busy") || (await isThere());
    if (!there && root.hasAttribute("aria-busy") && started === dataset.started) asks.fail();
  }, WATCH);
  signal.addEventListener("abort", () => clearInterval(watch));
  for (const type of ["pointerup", "pointercancel"]) document.addEventListener(type, () => asks.release(), { signal });
  if (dataset.asked) asks.ask();
  else if (hasSettings(search)) restore(search.slice(1));
  else {
    dataset.asked = "1";
    asks.ask();
  }
}
