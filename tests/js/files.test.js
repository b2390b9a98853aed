import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { createGif, paletteOf } from "../../fm_core/ui/player/gif.js";
import { fileName } from "../../fm_core/ui/player/name.js";
import { wrap } from "../../fm_core/ui/player/wrap.js";

const root = new URL("../../", import.meta.url);
const read = (path) => readFileSync(new URL(path, root), "utf-8");

test("a file is named after its setting", () => {
  const side = { flow: "moons-linear", solver: "euler", steps: 50 };
  assert.equal(fileName({ seed: 0, sides: [side] }, "png"), "moons-linear-euler-50-seed0.png");
  const sides = [{ ...side, steps: 5 }, side];
  assert.equal(fileName({ seed: 7, sides }, "gif"), "moons-linear-euler-5-vs-moons-linear-euler-50-seed7.gif");
  assert.equal(fileName({ sides: [{ flow: "moons-linear", steps: 50 }] }, "csv"), "moons-linear-50.csv");
});

test("a file's name has only characters that every file system takes", () => {
  const sides = [{ flow: "../ü/a:b", solver: "rk4\n", steps: 3 }];
  assert.equal(fileName({ seed: 1, sides }, "png"), "a-b-rk4-3-seed1.png");
});

test("lines are broken between words and none is wider than it may be, but for a wide word", () => {
  const measure = (line) => line.length;
  assert.deepEqual(wrap("one two  three\nfour", 9, measure), ["one two", "three", "four"]);
  assert.deepEqual(wrap("a extraordinarily b", 5, measure), ["a", "extraordinarily", "b"]);
  assert.deepEqual(wrap(" ", 5, measure), []);
});

test("the vendored gifenc is the package's, with its licence above it", () => {
  const [vendored, published] = [
    read("fm_core/ui/player/vendor/gifenc.js"),
    read("node_modules/gifenc/dist/gifenc.esm.js"),
  ];
  const { version } = JSON.parse(read("node_modules/gifenc/package.json"));
  const [head, body] = vendored.split("*/\n");
  assert.equal(body, published);
  assert.ok(head.startsWith("/*!\n"));
  assert.ok(head.includes(`gifenc ${version} `));
  assert.ok(head.includes(read("node_modules/gifenc/LICENSE.md").trim()));
});

/** Pixels of a picture, from 0xrrggbb for each. */
const pixels = (...colours) =>
  new Uint8ClampedArray(colours.flatMap((colour) => [colour >> 16, (colour >> 8) & 255, colour & 255, 255]));

test("a GIF has the palette's colours, a frame for each picture, their times, and no end", () => {
  const wide = (...halves) => pixels(...halves.flatMap((colour) => [colour, colour, colour]));
  const [first, second] = [wide(0xff0000, 0xffffff), wide(0xff0000, 0x0000ff)];
  const palette = paletteOf([first, second], 6);
  assert.deepEqual(palette.map((colour) => colour.join()).sort(), ["0,0,255", "255,0,0", "255,255,255"]);
  const gif = createGif(6, 1, palette);
  gif.add(first, 40);
  gif.add(second, 1000);
  const text = Buffer.from(gif.bytes()).toString("latin1");
  assert.ok(text.startsWith("GIF89a\x06\0\x01\0"));
  assert.ok(text.includes("NETSCAPE2.0\x03\x01\0\0")); // for ever
  const frames = text.split("\x21\xf9\x04").slice(1);
  const delays = frames.map((frame) => frame.charCodeAt(1) + 256 * frame.charCodeAt(2));
  assert.deepEqual(delays, [4, 100]); // hundredths of a second
  const left = frames.map((frame) => frame.charCodeAt(0));
  assert.deepEqual(left, [0b100, 0b101]); // each stays under the next, which has transparent pixels
  assert.ok(text.endsWith(";"));
});
