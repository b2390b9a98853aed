import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import {
  addressOf,
  displayIn,
  displayOf,
  hasSettings,
  isLarge,
  opening,
  show,
  showTab,
  tabOf,
} from "../../fm_core/ui/player/address.js";
import { finest } from "../../fm_core/ui/player/transport.js";

/** The browser at this address, with a list of what its history is told. */
function browserAt(search) {
  const kept = new Map();
  const entries = [];
  const set = (name, value) => Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  const location = { pathname: "/", search, hash: "" };
  const go = (how) => (_state, _title, address) => {
    entries.push(`${how} ${address}`);
    location.search = address.replace(/^[^?#]*/, "").replace(/#.*/, "");
  };
  set("location", location);
  set("sessionStorage", { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) });
  set("history", { state: null, pushState: go("push"), replaceState: go("replace") });
  return entries;
}

beforeEach(() => browserAt(""));

test("the address says the setting and the display, and keeps what Gradio owns", () => {
  const here = { pathname: "/flows", search: "?steps=9&__theme=dark&fbclid=1", hash: "#top" };
  assert.equal(addressOf("steps=50", { t: "0.5" }, here), "/flows?steps=50&t=0.5&__theme=dark#top");
  assert.equal(addressOf("", {}, { pathname: "/", search: "?steps=9", hash: "" }), "/");
});

test("what is shown goes into an address and comes back, and what is usual is left out", () => {
  const usual = { speed: 1, loop: true, statistic: "variance", dimensions: false, close: false };
  const layers = ["density", "particles"];
  const changed = { speed: 0.25, loop: false, statistic: "speed", dimensions: true, close: true };
  assert.deepEqual(displayOf({ ...usual, layers, follow: null, probe: null, t: null }, { ...usual, layers }), {});
  const options = { ...changed, layers: ["trails", "exact"], follow: 0, probe: [0.5, -1.25], t: 0.25 };
  const parameters = displayOf(options, { ...usual, layers });
  assert.equal(new URLSearchParams(parameters).size, 9);
  assert.deepEqual(displayIn(`?${new URLSearchParams(parameters)}&steps=7`), options);
  assert.deepEqual(displayIn("?layers=&steps=7"), { layers: [] });
});

test("an address has settings if it has more than a tab, a display, and what is Gradio's", () => {
  for (const none of ["", "?tab=digits", "?t=0.5&layers=trails&speed=2", "?large=1", "?__theme=dark"])
    assert.equal(hasSettings(none), false, none);
  for (const some of ["?steps=9", "?tab=digits&seed=3&__theme=dark"]) assert.equal(hasSettings(some), true, some);
});

test("a tab opens with its own address, else with what it last had", () => {
  browserAt("?steps=9");
  assert.equal(tabOf("?steps=9"), "flows");
  assert.equal(opening("points"), "?steps=9");
  assert.equal(opening("digits"), "");
  show("digits", "/?tab=digits&seed=3", false);
  show("points", "/?steps=10", false);
  assert.equal(opening("digits"), "?tab=digits&seed=3");
  assert.equal(opening("points"), "?steps=10");
});

test("Back undoes a tab or a comparison, not a number", () => {
  const entries = browserAt("");
  show("points", "/?steps=9", false);
  show("points", "/?steps=9", true); // the same: nothing to go back from
  show("points", "/?steps=5&compare=1", true);
  show("digits", "/?tab=digits", false);
  showTab("digits");
  showTab("catalogue");
  showTab("flows");
  assert.deepEqual(entries, [
    "replace /?steps=9",
    "push /?steps=5&compare=1",
    "push /?tab=digits",
    "push /?tab=catalogue",
    "push /?steps=5&compare=1",
  ]);
});

test("large letters are a setting of the page, which every tab's address carries and no older one brings back", () => {
  const entries = browserAt("?steps=9&large=1");
  show("points", addressOf("steps=9", {}, location), false);
  showTab("digits");
  assert.equal(isLarge(location.search), true);
  location.search = "?tab=digits";
  showTab("flows");
  assert.deepEqual(entries, ["push /?tab=digits&large=1", "push /?steps=9"]);
});

test("the stations of the step buttons are those of the side with more steps, the first if they are equal", () => {
  const [a, b, c] = [{ steps: 5 }, { steps: 50 }, { steps: 50 }];
  assert.equal(finest({ sides: [a, b] }), b);
  assert.equal(finest({ sides: [b, c] }), b);
});

test("a browser that keeps no address, or refuses to show one, stops nothing", () => {
  browserAt("?steps=9");
  const never = () => {
    throw new Error("SecurityError");
  };
  Object.assign(globalThis.sessionStorage, { getItem: never, setItem: never });
  Object.assign(globalThis.history, { pushState: never, replaceState: never });
  assert.equal(opening("digits"), "");
  assert.equal(opening("points"), "?steps=9");
  show("points", "/?steps=10", false);
  showTab("digits");
});
