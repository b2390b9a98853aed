// The player's inputs: buttons, keys, options, and asking the server for runs.
import { createAsks } from "./asks.js";
import { find, write } from "./dom.js";
import { addressOf, finest, Player } from "./player.js";
import { neighbour } from "./time.js";

/** @type {Record<string, (player: Player, run: FM.Run) => void>} */
const ACTIONS = {
  play: ({ clock }) => clock.set(clock.t < 1 || clock.playing ? clock.t : 0, !clock.playing),
  start: ({ clock }) => clock.set(0, false),
  end: ({ clock }) => clock.set(1, false),
  back: ({ clock }, run) => clock.set(neighbour(finest(run).t.values, clock.t, -1), false),
  forward: ({ clock }, run) => clock.set(neighbour(finest(run).t.values, clock.t, 1), false),
  async link({ root }, { query }) {
    const link = location.origin + addressOf(query, location);
    const copied = await navigator.clipboard?.writeText(link).then(Boolean, () => false);
    write(find(root, ".fm-readout"), copied ? `Copied: ${link}` : `The link to this setting: ${link}`);
  },
};
/** @type {Record<string, string>} */
const KEYS = { " ": "play", ArrowLeft: "back", ArrowRight: "forward", Home: "start", End: "end" };

/** What Gradio calls once per mount. @type {(scene: FM.Scene) => FM.Mount} */
export const mountOf = (scene) => (element, props, watch, events) => {
  const player = new Player(find(element, ".fm-player"), scene, props.plotly);
  const receive = () => props.value && player.receive(props.value);
  watch("value", receive);
  receive();
  connect(player, props.player, events);
  player.frame(0);
};

function connect(/** @type {Player} */ player, /** @type {string} */ id, /** @type {FM.Events} */ events) {
  const { root, particle, scrub, options } = player;
  const { signal } = player.listening;
  for (const menu of root.querySelectorAll("select")) menu.value = String(options[menu.dataset.option ?? ""]);
  root.addEventListener("click", ({ target }) => {
    const button = target instanceof Element && target.closest("[data-action]");
    if (button) act(player, String(button.getAttribute("data-action")));
  });
  root.addEventListener("change", ({ target }) => {
    if (!(target instanceof HTMLInputElement || target instanceof HTMLSelectElement) || !target.dataset.option) return;
    const value = target instanceof HTMLInputElement ? target.checked : target.value;
    options[target.dataset.option] = typeof options[target.dataset.option] === "number" ? Number(value) : value;
    player.refresh();
  });
  scrub.addEventListener("input", () => player.pauseAt(Number(scrub.value) / 1000));
  particle.addEventListener("input", () => {
    if (particle.value === "") player.select(null);
    else if (player.run && particle.checkValidity()) player.select(Number(particle.value));
  });
  document.addEventListener("keydown", (event) => onKey(player, event), { signal });
  connectAsks(root, id, events, signal);
  const sizes = new ResizeObserver(() => player.resize());
  sizes.observe(root);
  const themes = new MutationObserver(() => player.refresh());
  themes.observe(document.body, { attributes: true, attributeFilter: ["class"] });
  signal.onabort = () => [sizes, themes, player.chart].map((part) => part.disconnect());
}

function act(/** @type {Player} */ player, /** @type {string} */ action) {
  if (player.run) ACTIONS[action](player, player.run);
  player.draw();
}

/** Keys work in the player, and on the page while nothing has the focus, unless a control needs them. */
function onKey(/** @type {Player} */ player, /** @type {KeyboardEvent} */ event) {
  const { activeElement: focused, body } = document;
  const ours = player.root.contains(focused) || focused === body || focused === null;
  const withSpace = event.key === " " ? ", button, a, [role=tab]" : "";
  const busy = focused?.matches(`input, select, textarea, [role=slider]${withSpace}`);
  const modified = event.ctrlKey || event.metaKey || event.altKey;
  if (!ours || busy || modified || !player.run || !player.root.offsetParent) return;
  if (event.key === "Escape") player.select(null);
  if (!Object.hasOwn(KEYS, event.key)) return;
  event.preventDefault();
  act(player, KEYS[event.key]);
}

/** The page asks with one event, and reports the end of a call with another.
 * @param {HTMLElement} root @param {string} id @param {FM.Events} events @param {AbortSignal} signal */
function connectAsks(root, id, { run, stop }, signal) {
  const { dataset } = root;
  const asks = createAsks({
    run(ticket) {
      dataset.started = String(ticket);
      run(ticket);
    },
    stop,
    newest: () => Number(dataset.asked ?? 0),
    busy: (is) => (is ? root.setAttribute("aria-busy", "true") : root.removeAttribute("aria-busy")),
    dragging: () => document.querySelector("input[type=range]:active") !== null,
  });
  root.addEventListener("ask", () => asks.ask());
  root.addEventListener("settled", () => asks.settle());
  for (const type of ["pointerup", "pointercancel"]) document.addEventListener(type, () => asks.release(), { signal });
  if (!Number(dataset.asked ?? 0) && window.fmOpened?.[id]) dataset.asked = "1";
  if (Number(dataset.asked ?? 0)) asks.ask();
}
