// What every run needs: its bytes, and where a time falls among its states.

/** An ArrayBuffer of base64; browsers that lack the quick way (before 2025) take the one over a data: address. */
async function bytes(base64) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64).buffer;
  const response = await fetch("data:application/octet-stream;base64," + base64);
  return response.arrayBuffer();
}

/** Where time t in [0, 1] falls among a side's states: the state before it, and the fraction of the step since. */
function locate(side, t) {
  const place = Math.min(Math.max(t, 0), 1) * side.steps;
  const state = Math.min(Math.floor(place + 1e-9), side.steps - 1);
  return { state, fraction: Math.min(Math.max(place - state, 0), 1) };
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
