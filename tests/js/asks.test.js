import assert from "node:assert/strict";
import { test } from "node:test";
import { createAsks } from "../../fm_core/ui/player/asks.js";

/** Asks with a record of the calls; the page counts, the server answers when the test says so. */
function page() {
  const state = { asked: 0, dragging: false, busy: false, calls: [] };
  const asks = createAsks({
    newest: () => state.asked,
    run: (ticket) => state.calls.push(`run ${ticket}`),
    stop: (ticket) => state.calls.push(`stop ${ticket}`),
    busy: (is) => {
      state.busy = is;
    },
    dragging: () => state.dragging,
  });
  const ask = () => {
    state.asked += 1;
    asks.ask();
  };
  return { state, asks, ask };
}

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
  assert.deepEqual(state.calls, ["run 1", "stop 2"]);
  asks.settle();
  assert.deepEqual(state.calls, ["run 1", "stop 2", "run 2"]);
  assert.equal(state.busy, true);
  asks.settle();
  assert.equal(state.busy, false);
});

test("several asks while a call runs end at the last one, and calls never overlap", () => {
  const { state, asks, ask } = page();
  for (let k = 0; k < 4; k++) ask();
  assert.deepEqual(state.calls, ["run 1", "stop 2", "stop 3", "stop 4"]);
  asks.settle();
  asks.settle();
  assert.deepEqual(state.calls.slice(4), ["run 4"]);
  assert.equal(state.busy, false);
});

test("a call that fails does not lose the ask that waits, and the next ask starts as the first did", () => {
  const { state, asks, ask } = page();
  state.dragging = true;
  ask();
  ask();
  asks.settle(); // however it ended
  assert.deepEqual(state.calls, ["run 1", "run 2"]);
  asks.settle();
  ask();
  assert.deepEqual(state.calls, ["run 1", "run 2", "run 3"]);
});

test("while a slider is dragged calls go on, its release stops the one that is no longer wanted", () => {
  const { state, asks, ask } = page();
  state.dragging = true;
  for (let k = 0; k < 3; k++) ask();
  assert.deepEqual(state.calls, ["run 1"]);
  state.dragging = false;
  asks.release();
  assert.deepEqual(state.calls, ["run 1", "stop 3"]);
  asks.settle();
  assert.deepEqual(state.calls, ["run 1", "stop 3", "run 3"]);
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

test("an end without a call leaves the player idle", () => {
  const { state, asks } = page();
  asks.settle();
  assert.deepEqual(state.calls, []);
  assert.equal(state.busy, false);
});
