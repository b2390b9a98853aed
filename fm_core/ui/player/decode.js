// What every run needs: its bytes, and where a time falls among its states.

/** An ArrayBuffer of base64; browsers that lack the quick way (before 2025) take the one over a data: address. */
async function bytes(base64) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64).buffer;
  const response = await fetch("data:application/octet-stream;base64," + base64);
  return response.arrayBuffer();
}

/** How many steps a side has made at time t in [0, 1], fractions included: its k-th state is at (k / steps)^spacing. */
function placeAt({ steps, spacing = 1 }, t) {
  return steps * t ** (1 / spacing);
}

/** The time of a side's state. */
function timeOf({ steps, spacing = 1 }, state) {
  return (state / steps) ** spacing;
}

/** The last state of a side that is not after time t. */
function stateAt(side, t) {
  return Math.floor(placeAt(side, t) + 1e-6);
}

/** Where time t in [0, 1] falls among a side's states: the state before it, and the fraction of the step since. */
function locate(side, t) {
  const state = Math.min(stateAt(side, Math.max(t, 0)), side.steps - 1);
  const start = timeOf(side, state);
  return { state, fraction: Math.min(Math.max((t - start) / (timeOf(side, state + 1) - start), 0), 1) };
}

/** A function that takes the next `length` elements of a buffer as an array of the given type. */
function taker(buffer) {
  let offset = 0;
  return (Type, length) => {
    const block = new Type(buffer, offset, length);
    offset += block.byteLength;
    return block;
  };
}
