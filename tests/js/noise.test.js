import assert from "node:assert/strict";
import { test } from "node:test";
import { meaningOf, noiseName } from "../../fm_core/ui/player/noise.js";

const calm = { noise: 0, drift: "uncorrected" }; // a drift without noise means nothing
const noisy = { noise: 0.5, drift: "corrected" };
const alone = { noise: 3, drift: "uncorrected" };

test("a side is called by its noise, and by what is left out", () => {
  assert.deepEqual([calm, noisy, alone].map(noiseName), ["no noise", "noise (η = 0.5)", "noise alone (η = 3)"]);
});

test("a chart says what noise means for it, and nothing without noise", () => {
  for (const statistic of ["variance", "speed", "straightness", "distance", "confidence"])
    assert.equal(meaningOf({ sides: [calm, calm] }, statistic), "");
  assert.match(meaningOf({ sides: [calm, noisy] }, "variance"), /leaves it as it is/);
  assert.match(meaningOf({ sides: [noisy, alone] }, "variance"), /leaves it, on the exact field as well/);
  assert.match(meaningOf({ sides: [noisy] }, "speed"), /the noise's own/);
  assert.match(meaningOf({ sides: [calm, alone] }, "straightness"), /nothing of the flow/);
  assert.equal(meaningOf({ sides: [alone] }, "confidence"), "");
});
