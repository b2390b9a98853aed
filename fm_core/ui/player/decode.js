// One run as the server sends it: see fm_core/ui/wire.py for the layout.

/** Decode {header, data} into typed arrays. Each side gets `states` (T, n, 2) and `fields` {name: (times, grid², 2)}. */
async function decode({ header, data }) {
  const buffer = await bytes(data);
  let offset = 0;
  const take = (Type, length) => {
    const block = new Type(buffer, offset, length);
    offset += block.byteLength;
    return block;
  };
  const sides = header.sides.map((side) => ({
    ...side,
    states: take(Int16Array, (side.steps + 1) * header.particles * 2),
  }));
  const fieldLength = header.times * header.grid ** 2 * 2;
  for (const side of sides) {
    const scales = side.fields;
    side.fields = {};
    for (const name of Object.keys(scales)) {
      side.fields[name] = { values: take(Int16Array, fieldLength), scale: scales[name] };
    }
  }
  return { ...header, sides, density: take(Uint8Array, header.pixels ** 2) };
}

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

/** Coordinates of a particle at time t; between two states it moves in a straight line. */
function positionAt(run, side, particle, t) {
  const { state, fraction } = locate(side, t);
  const from = (state * run.particles + particle) * 2;
  const to = from + run.particles * 2;
  return [0, 1].map((d) => side.scale * (side.states[from + d] * (1 - fraction) + side.states[to + d] * fraction));
}
