import assert from "node:assert/strict";
import { test } from "node:test";
import { addressOf, finest } from "../../fm_core/ui/player/player.js";

test("the address says the setting and keeps what Gradio owns", () => {
  const here = { pathname: "/flows", search: "?steps=9&__theme=dark", hash: "#top" };
  assert.equal(addressOf("steps=50", here), "/flows?steps=50&__theme=dark#top");
  assert.equal(addressOf("", { pathname: "/", search: "?steps=9", hash: "" }), "/");
});

test("the stations of the step buttons are those of the side with more steps, the first if they are equal", () => {
  const [a, b, c] = [{ steps: 5 }, { steps: 50 }, { steps: 50 }];
  assert.equal(finest({ sides: [a, b] }), b);
  assert.equal(finest({ sides: [b, c] }), b);
});
