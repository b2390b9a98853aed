import assert from "node:assert/strict";
import { test } from "node:test";
import { messages, waitingWords } from "../../fm_core/ui/player/calls.js";

/** A reader that gives these bytes in pieces of a length. */
function readerOf(bytes, length) {
  let at = 0;
  return {
    async read() {
      if (at >= bytes.length) return { done: true };
      at += length;
      return { done: false, value: Uint8Array.from(bytes.subarray(at - length, at)) };
    },
  };
}

const bytesOf = (...parts) => Buffer.concat(parts.map((part) => Buffer.from(part)));

async function read(bytes, length) {
  const found = [];
  for await (const { header, data } of messages(readerOf(bytes, length)))
    found.push([header, [...new Uint8Array(data)]]);
  return found;
}

const STREAM = bytesOf('{"before":2}\n{"bytes":4}\n', [10, 0, 10, 255], '{"refused":"α"}\n');

for (const length of [1, 2, 3, 7, 14, 1000]) {
  test(`messages in pieces of ${length} bytes`, async () => {
    assert.deepEqual(await read(STREAM, length), [
      [{ before: 2 }, []],
      [{ bytes: 4 }, [10, 0, 10, 255]],
      [{ refused: "α" }, []],
    ]);
  });
}

for (const cut of [5, 16, 27, STREAM.length - 1]) {
  test(`an answer that ends after ${cut} bytes`, async () => {
    await assert.rejects(read(STREAM.subarray(0, cut), 4), /cut off/);
  });
}

test("no message", async () => assert.deepEqual(await read(bytesOf(), 4), []));

for (const [header, words] of [
  [{ before: 0, seconds: 0 }, "Computing …"],
  [{ before: 1, seconds: 0.2 }, "Others come first: 1 run, about 1 second."],
  [{ before: 12, seconds: 3.1 }, "Others come first: 12 runs, about 4 seconds."],
]) {
  test(words, () => assert.equal(waitingWords(header), words));
}
