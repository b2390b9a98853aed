// The address: the settings of the visible tab's run, and how the player shows it. Other tabs' are kept in the browser.

const FIRST = "flows"; // the tab that an address means without naming one
const OPENS = { points: FIRST }; // the tabs whose players are called otherwise
const nameIn = (/** @type {string} */ tab) => OPENS[/** @type {"points"} */ (tab)] ?? tab;
const keyOf = (/** @type {string} */ tab) => `fm-address-${nameIn(tab)}`;

/** @param {string} search */
export function tabOf(search) {
  const named = new URLSearchParams(search);
  return named.get("tab") ?? (named.has("lesson") ? "lessons" : FIRST);
}

/** Whether the tab of this id is that of a player. @param {string} id @param {string} tab */
export const isTab = (id, tab) => id === nameIn(tab);

/** Whether letters are large, in every tab. @param {string} search */
export const isLarge = (search) => new URLSearchParams(search).get("large") === "1";

/** The address of these settings; what is of the whole page stays: Gradio's own parameters, and the size of letters.
 * @param {string} query @param {Record<string, string>} display
 * @param {{ pathname: string, search: string, hash: string }} location */
export function addressOf(query, display, { pathname, search, hash }) {
  const parameters = new URLSearchParams(query);
  for (const [key, value] of Object.entries(display)) parameters.set(key, value);
  for (const [key, value] of new URLSearchParams(search)) if (key.startsWith("__")) parameters.set(key, value);
  return addressFor(parameters, isLarge(search), { pathname, hash });
}

/** @param {URLSearchParams} parameters @param {boolean} large @param {{ pathname: string, hash: string }} location */
export function addressFor(parameters, large, { pathname, hash }) {
  if (large) parameters.set("large", "1");
  else parameters.delete("large");
  return pathname + (parameters.size ? `?${parameters}` : "") + hash;
}

/** What a tab opens with: the address, if it names this tab, else what this browser kept. @param {string} tab */
export function opening(tab) {
  return tabOf(location.search) === nameIn(tab) ? location.search : keptOf(keyOf(tab));
}

/** What the browser kept: nothing where it does not allow it. @param {string} key */
function keptOf(key) {
  try {
    return sessionStorage.getItem(key) ?? "";
  } catch {
    return "";
  }
}

/** Whether an address has settings for the server to read. @param {string} search */
export function hasSettings(search) {
  const ours = new Set(["tab", "large", ...Object.keys(DISPLAY)]);
  return [...new URLSearchParams(search).keys()].some((key) => !key.startsWith("__") && !ours.has(key));
}

/** Put an address into the browser: a new entry of its history for another tab, or if `push`.
 * @param {string} tab @param {string} address @param {boolean} push */
export function show(tab, address, push) {
  try {
    sessionStorage.setItem(keyOf(tab), address.slice(address.indexOf("?")).replace(/^[^?].*/, ""));
  } catch {
    // not allowed: the tab opens as usual
  }
  const another = push || tabOf(location.search) !== nameIn(tab);
  if (address !== location.pathname + location.search + location.hash) setAddress(address, another);
}

/** Write it, unless the browser refuses: some do where it changes too often, and the next change will be written.
 * @param {string} address @param {boolean} push */
export function setAddress(address, push) {
  try {
    history[push ? "pushState" : "replaceState"](history.state, "", address);
  } catch {
    // the run goes on
  }
}

/** The address of a tab that has no player, or whose player will write its own. @param {string} id */
export function showTab(id) {
  if (tabOf(location.search) === id) return;
  const kept = keptOf(`fm-address-${id}`) || (id === FIRST ? "" : `?tab=${id}`);
  setAddress(addressOf(kept, {}, location), true);
}

/** How the player shows a run, by parameter: read from text, and written unless it is usual.
 * @type {Record<string, { option: string, read(text: string): unknown }>} */
const DISPLAY = {
  layers: { option: "layers", read: (text) => text.split(",").filter(Boolean) },
  chart: { option: "statistic", read: String },
  dimensions: { option: "dimensions", read: (text) => text === "1" },
  close: { option: "close", read: (text) => text === "1" },
  speed: { option: "speed", read: Number },
  loop: { option: "loop", read: (text) => text !== "0" },
  picture: { option: "view", read: String },
  follow: { option: "follow", read: Number },
  probe: { option: "probe", read: (text) => text.split(",").map((part) => (part.trim() ? Number(part) : Number.NaN)) },
  t: { option: "t", read: Number },
};

/** @param {unknown} value */
const textOf = (value) => (typeof value === "boolean" ? String(Number(value)) : String(value));

/** The parameters of what is not usual; `follow`, `probe` and `t` are left out if null.
 * @param {Record<string, unknown>} options @param {Record<string, unknown>} usual */
export function displayOf(options, usual) {
  /** @type {Record<string, string>} */
  const parameters = {};
  for (const [name, { option }] of Object.entries(DISPLAY)) {
    const [value, expected] = [options[option], usual[option]].map((part) => part ?? null);
    if (value !== null && textOf(value) !== textOf(expected)) parameters[name] = textOf(value);
  }
  return parameters;
}

/** The options in an address. @param {string} search */
export function displayIn(search) {
  const found = new URLSearchParams(search);
  const named = Object.entries(DISPLAY).filter(([name]) => found.has(name));
  return Object.fromEntries(named.map(([name, { option, read }]) => [option, read(found.get(name) ?? "")]));
}
