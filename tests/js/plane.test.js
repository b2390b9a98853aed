import assert from "node:assert/strict";
import { test } from "node:test";
import { cellOf, SIZE } from "../../fm_core/ui/player/grid.js";
import { boundsOf, frameOf } from "../../fm_core/ui/player/plane.js";

const block = (values, scale) => ({ values: Int16Array.from(values), shape: [values.length / 2, 2], scale });

test("the bounds hold every place of every block, in real values", () => {
  const blocks = [block([1, -2, 3, 4], 0.5), block([-10, 8], 0.25)];
  assert.deepEqual(boundsOf(blocks), { low: [-2.5, -1], high: [1.5, 2] });
});

test("the frame puts the bounds into the middle beneath the head, as large as they fit and upwards", () => {
  const at = ({ unit, x0, y0 }, [x, y]) => [x0 + unit * x, y0 - unit * y];
  const tall = frameOf({ low: [0, 0], high: [2, 4] }, 400, 350, 50, 10);
  assert.equal(tall.unit, 280 / 4);
  assert.deepEqual(at(tall, [0, 4]), [200 - 70, 60]);
  assert.deepEqual(at(tall, [2, 0]), [200 + 70, 340]);
  const wide = frameOf({ low: [-3, 1], high: [5, 2] }, 400, 350, 50, 10);
  assert.equal(wide.unit, 380 / 8);
  assert.deepEqual(at(wide, [-3, 1.5]), [10, 200]);
  assert.deepEqual(at(wide, [5, 1.5]), [390, 200]);
});

test("places that are all the same have a frame as well", () => {
  const { unit, x0 } = frameOf({ low: [2, 2], high: [2, 2] }, 100, 100, 0, 10);
  assert.ok(Number.isFinite(unit));
  assert.equal(x0 + 2 * unit, 50);
});

test("what a cell holds does not overlap, and fits", () => {
  for (const [above, below] of [
    [false, false],
    [true, false],
    [false, true],
  ]) {
    const { height, image, nearest } = cellOf(above, below);
    assert.ok(image >= (above ? SIZE : 0));
    assert.ok(image + SIZE < height);
    if (below) assert.ok(nearest >= image + SIZE && nearest + SIZE < height);
  }
  assert.equal(cellOf(true, false).height, 2 * (SIZE + 2)); // as long as there were only pictures above
});
