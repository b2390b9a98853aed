import assert from "node:assert/strict";
import { test } from "node:test";
import { read } from "../../fm_core/ui/player/menus.js";

const FIGURE = { name: "figure", usual: "error", choices: ["error", "ratio"], most: 2 };
const FLOWS = { name: "flows", usual: ["a", "b"], choices: ["a", "b", "c", "d"], most: 2 };

for (const [search, expected] of [
  ["", ["error", ["a", "b"]]],
  ["?figure=ratio&flows=d", ["ratio", ["d"]]],
  ["?figure=&flows=", ["error", []]],
  ["?figure=<b>&flows=x,c", ["error", ["c"]]],
  ["?flows=d,c,b,a", ["error", ["a", "b"]]],
]) {
  test(`the menus of ${search || "an address without any"}`, () => {
    assert.deepEqual(read(search, [FIGURE, FLOWS]), expected);
  });
}
