// Packets from the server: a header that describes blocks of numbers, and their bytes, one block after another.

const TYPES = { float32: Float32Array, int16: Int16Array, int8: Int8Array, uint8: Uint8Array };

/** The header with each block {values, shape, scale} at its path. @param {FM.Packet} packet @returns {Promise<any>} */
export async function decode({ header, data }) {
  const slowly = async () => (await fetch(`data:application/octet-stream;base64,${data}`)).arrayBuffer();
  const buffer = Uint8Array.fromBase64?.(data).buffer ?? (await slowly()); // for browsers before 2025
  const copy = JSON.parse(JSON.stringify(header)); // Gradio hands out a proxy, which structuredClone refuses
  let offset = 0;
  for (const { name, type, shape, scale } of header.blocks) {
    const length = shape.reduce((product, size) => product * size, 1);
    const values = new TYPES[type](buffer, offset, length);
    offset += values.byteLength;
    const path = name.split(".");
    const last = path.splice(-1)[0];
    const place = path.reduce((parent, key) => (parent[key] ??= {}), copy);
    place[last] = { values, shape: [...shape], scale };
  }
  return copy;
}
