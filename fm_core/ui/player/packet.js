// Packets from the server: a header that describes blocks of numbers, and their bytes, one block after another.

const TYPES = { float32: Float32Array, int16: Int16Array, int8: Int8Array, uint8: Uint8Array };

/** The header with each block {values, shape, scale} at its path. @param {FM.Message} packet @returns {any} */
export function decode({ header, data }) {
  const { blocks = [], bytes: _, ...tree } = header;
  let offset = 0;
  for (const { name, type, shape, scale } of blocks) {
    const length = shape.reduce((product, size) => product * size, 1);
    const values = new TYPES[type](data, offset, length);
    offset += values.byteLength;
    const path = name.split(".");
    const last = path.splice(-1)[0];
    const place = path.reduce((parent, key) => (parent[key] ??= {}), /** @type {any} */ (tree));
    place[last] = { values, shape, scale };
  }
  return tree;
}

/** @param {any} value */
const isTree = (value) => value !== null && typeof value === "object" && !Object.hasOwn(value, "values");

/** Put into a run what a further part of its packet says. @param {any} run @param {any} part */
export function add(run, part) {
  for (const [key, value] of Object.entries(part)) {
    if (isTree(value) && isTree(run[key])) add(run[key], value);
    else run[key] = value;
  }
}
