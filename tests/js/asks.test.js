import assert from "node:assert/strict";
import { afterEach, mock, test } from "node:test";
import { createAsks } from "../../fm_core/ui/player/asks.js";

/** Asks with a record of the calls; the page counts, the server answers when the test says so. */
function page() {
  const state = { asked: 0, dragging: false, typing: false, busy: false, calls: [] };
  const asks = createAsks({
    newest: () => state.asked,
    run: (ticket) => state.calls.push(`run ${ticket}`),
    stop: () => state.calls.push("stop"),
    busy: (is) => {
      state.busy = is;
    },
    dragging: () => state.dragging,
    typing: () => state.typing,
    failed: (pause) => state.calls.push(`failed ${pause}`),
  });
  const ask = () => {
    state.asked += 1;
    asks.ask();
  };
  return { state, asks, ask };
}

/** Timers as a browser has them, with numbers; gives the function that lets milliseconds pass. */
function timers() {
  let [now, last] = [0, 0];
  const waiting = new Map();
  mock.method(globalThis, "setTimeout", (action, pause) => {
    waiting.set(++last, { action, at: now + pause });
    return last;
  });
  mock.method(globalThis, "clearTimeout", (number) => waiting.delete(number));
  return (milliseconds) => {
    now += milliseconds;
    for (const [number, { action, at }] of [...waiting]) if (at <= now && waiting.delete(number)) action();
  };
}

afterEach(() => mock.restoreAll());

test("the first ask starts a call, and the player is busy until it has ended", () => {
  const { state, asks, ask } = page();
  ask();
  assert.deepEqual(state.calls, ["run 1"]);
  assert.equal(state.busy, true);
  asks.settle();
  assert.deepEqual(state.calls, ["run 1"]);
  assert.equal(state.busy, false);
});

test("an ask while a call runs stops it, and starts when it has ended", () => {
  const { state, asks, ask } = page();
  ask();
  ask();
  assert.deepEqual(state.calls, ["run 1", "stop"]);
  asks.settle();
  assert.deepEqual(state.calls, ["run 1", "stop", "run 2"]);
  assert.equal(state.busy, true);
  asks.settle();
  assert.equal(state.busy, false);
});

test("several asks while a call runs end at the last one, and calls never overlap", () => {
  const { state, asks, ask } = page();
  for (let k = 0; k < 4; k++) ask();
  assert.deepEqual(state.calls, ["run 1", "stop", "stop", "stop"]);
  asks.settle();
  asks.settle();
  assert.deepEqual(state.calls.slice(4), ["run 4"]);
  assert.equal(state.busy, false);
});

test("a call without an answer is tried again after pauses that grow, and an answer ends that", () => {
  const pass = timers();
  const { state, asks, ask } = page();
  ask();
  const tried = () => state.calls.splice(0).join();
  assert.equal(tried(), "run 1");
  for (const pause of [2, 4, 8, 16, 30, 30]) {
    asks.fail();
    assert.equal(state.busy, false);
    pass(1000 * pause - 1);
    assert.equal(tried(), `failed ${pause}`);
    pass(1);
    assert.equal(tried(), "run 1");
    assert.equal(state.busy, true);
  }
  asks.settle();
  asks.fail();
  assert.equal(tried(), "failed 2");
});

test("what is asked during the pause, or by Again, starts at once, and the pause starts nothing more", () => {
  const pass = timers();
  const { state, asks, ask } = page();
  ask();
  ask(); // while the call runs
  asks.fail();
  ask();
  assert.deepEqual(state.calls, ["run 1", "stop", "failed 2", "run 3"]);
  asks.fail();
  asks.again();
  assert.deepEqual(state.calls.slice(4), ["failed 4", "run 3"]);
  pass(60_000);
  assert.equal(state.calls.length, 6);
  asks.settle();
  assert.equal(state.busy, false);
});

test("while a slider is dragged calls go on, its release stops the one that is no longer wanted", () => {
  const { state, asks, ask } = page();
  state.dragging = true;
  for (let k = 0; k < 3; k++) ask();
  assert.deepEqual(state.calls, ["run 1"]);
  state.dragging = false;
  asks.release();
  assert.deepEqual(state.calls, ["run 1", "stop"]);
  asks.settle();
  assert.deepEqual(state.calls, ["run 1", "stop", "run 3"]);
});

test("a call whose picture is there is stopped by the next ask, even while a slider is dragged", () => {
  const { state, asks, ask } = page();
  state.dragging = true;
  ask();
  asks.show();
  assert.deepEqual(state.calls, ["run 1"]);
  ask();
  assert.deepEqual(state.calls, ["run 1", "stop"]);
  asks.settle();
  ask();
  assert.deepEqual(state.calls, ["run 1", "stop", "run 2"]);
  asks.show();
  assert.deepEqual(state.calls, ["run 1", "stop", "run 2", "stop"]);
});

test("a release stops nothing if nothing newer was asked, or nothing runs", () => {
  const { state, asks, ask } = page();
  asks.release();
  ask();
  asks.release();
  asks.settle();
  asks.release();
  assert.deepEqual(state.calls, ["run 1"]);
});

test("while a number is typed that cannot be, what runs may end, but nothing starts", () => {
  const { state, asks, ask } = page();
  state.typing = true;
  ask();
  assert.deepEqual([state.calls, state.busy], [[], false]);
  state.typing = false;
  ask();
  ask();
  state.typing = true;
  ask();
  assert.deepEqual(state.calls, ["run 2", "stop"]);
  asks.settle();
  assert.deepEqual([state.calls.length, state.busy], [2, false]);
  state.typing = false;
  ask();
  assert.deepEqual(state.calls.slice(2), ["run 5"]);
});

test("an end without a call leaves the player idle", () => {
  const { state, asks } = page();
  asks.settle();
  assert.deepEqual(state.calls, []);
  assert.equal(state.busy, false);
});
