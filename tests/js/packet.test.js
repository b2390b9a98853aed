import assert from "node:assert/strict";
import { test } from "node:test";
import { decode } from "../../fm_core/ui/player/packet.js";

const packet = (header, ...arrays) => {
  const bytes = arrays.map(({ buffer }) => new Uint8Array(buffer));
  return { header, data: Buffer.concat(bytes).toString("base64") };
};

test("every type stands at its path with its shape and scale", async () => {
  const blocks = [
    { name: "t", type: "float32", shape: [2], scale: 1 },
    { name: "deep.down.x", type: "int16", shape: [1, 2], scale: 0.5 },
    { name: "v", type: "int8", shape: [3], scale: 2 },
    { name: "density", type: "uint8", shape: [2, 1], scale: 1 / 255 },
  ];
  const arrays = [
    Float32Array.of(0, 0.25),
    Int16Array.of(-32767, 300),
    Int8Array.of(-127, 0, 127),
    Uint8Array.of(0, 255),
  ];
  const run = await decode(packet({ blocks, source: "noise" }, ...arrays));
  assert.equal(run.source, "noise");
  assert.deepEqual(run.t, { values: Float32Array.of(0, 0.25), shape: [2], scale: 1 });
  assert.deepEqual(run.deep.down.x, { values: Int16Array.of(-32767, 300), shape: [1, 2], scale: 0.5 });
  assert.deepEqual(run.v, { values: Int8Array.of(-127, 0, 127), shape: [3], scale: 2 });
  assert.deepEqual(run.density, { values: Uint8Array.of(0, 255), shape: [2, 1], scale: 1 / 255 });
});

test("two sides get their own blocks beside what the header says of them", async () => {
  const blocks = [
    { name: "sides.0.x", type: "int16", shape: [1], scale: 1 },
    { name: "sides.1.x", type: "int16", shape: [2], scale: 1 },
    { name: "sides.1.fields.exact", type: "int16", shape: [1], scale: 3 },
  ];
  const sides = [{ label: "a" }, { label: "b" }];
  const run = await decode(packet({ blocks, sides }, Int16Array.of(1), Int16Array.of(2, 3), Int16Array.of(4)));
  assert.deepEqual(
    run.sides.map(({ label, x }) => [label, ...x.values]),
    [
      ["a", 1],
      ["b", 2, 3],
    ],
  );
  assert.deepEqual(run.sides[1].fields.exact, { values: Int16Array.of(4), shape: [1], scale: 3 });
  assert.equal(run.sides[0].fields, undefined);
});

test("the header stays as it is and can be used again", async () => {
  const header = { blocks: [{ name: "sides.0.t", type: "float32", shape: [1], scale: 1 }], sides: [{ label: "a" }] };
  const before = structuredClone(header);
  const sent = packet(header, Float32Array.of(1));
  await decode(sent);
  assert.deepEqual(header, before);
  assert.deepEqual((await decode(sent)).sides[0].t.values, Float32Array.of(1));
});
