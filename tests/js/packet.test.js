import assert from "node:assert/strict";
import { test } from "node:test";
import { add, decode } from "../../fm_core/ui/player/packet.js";

const packet = (header, ...arrays) => {
  const bytes = arrays.flatMap(({ buffer }) => [...new Uint8Array(buffer)]);
  return { header, data: Uint8Array.from(bytes).buffer };
};

test("every type stands at its path with its shape and scale", () => {
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
  const run = decode(packet({ blocks, source: "noise" }, ...arrays));
  assert.equal(run.source, "noise");
  assert.deepEqual(run.t, { values: Float32Array.of(0, 0.25), shape: [2], scale: 1 });
  assert.deepEqual(run.deep.down.x, { values: Int16Array.of(-32767, 300), shape: [1, 2], scale: 0.5 });
  assert.deepEqual(run.v, { values: Int8Array.of(-127, 0, 127), shape: [3], scale: 2 });
  assert.deepEqual(run.density, { values: Uint8Array.of(0, 255), shape: [2, 1], scale: 1 / 255 });
});

test("two sides get their own blocks beside what the header says of them", () => {
  const blocks = [
    { name: "sides.0.x", type: "int16", shape: [1], scale: 1 },
    { name: "sides.1.x", type: "int16", shape: [2], scale: 1 },
    { name: "sides.1.fields.exact", type: "int16", shape: [1], scale: 3 },
  ];
  const sides = [{ label: "a" }, { label: "b" }];
  const run = decode(packet({ blocks, sides }, Int16Array.of(1), Int16Array.of(2, 3), Int16Array.of(4)));
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

test("a further part is added where it belongs, and what is there stays", () => {
  const first = {
    blocks: [{ name: "sides.0.x", type: "int8", shape: [1], scale: 1 }],
    sides: [{ s: { v: [1, 2] } }, {}],
  };
  const run = decode(packet(first, Int8Array.of(7)));
  const blocks = [{ name: "sides.1.p", type: "uint8", shape: [2], scale: 1 }];
  const sides = [{ s: { c: [3] }, distances: { states: [0], values: [4] } }, { s: {} }];
  add(run, decode(packet({ blocks, sides, bytes: 2 }, Uint8Array.of(8, 9))));
  assert.deepEqual(run.sides[0].s, { v: [1, 2], c: [3] });
  assert.deepEqual(run.sides[0].distances, { states: [0], values: [4] });
  assert.deepEqual([...run.sides[0].x.values], [7]);
  assert.deepEqual([...run.sides[1].p.values], [8, 9]);
});
