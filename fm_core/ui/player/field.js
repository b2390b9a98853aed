// The velocity field as arrows on a grid.

/** A stored field at time t, linear between its evenly spaced times. @param {FM.Block} field @param {number} t */
function interpolate({ values, shape: [times], scale }, t) {
  const length = values.length / times;
  const time = Math.min(Math.floor(t * (times - 1)), times - 2);
  const fraction = t * (times - 1) - time;
  const [before, after] = [time * length, (time + 1) * length];
  const at = (/** @type {number} */ i) => values[before + i] + fraction * (values[after + i] - values[before + i]);
  return Float32Array.from({ length }, (_, i) => scale * at(i));
}

/** The fields that a layer shows: the one that moves the points, the exact one, or the difference of the two.
 * @param {FM.PointsSide["fields"]} fields @param {string} layer */
function namesOf(fields, layer) {
  if (layer === "difference") return ["learned", "exact"];
  return [layer === "arrows" && fields.learned ? "learned" : "exact"];
}

/** The field of a layer on the grid at time t; null if the side lacks it.
 * @param {FM.PointsSide} side @param {string} layer @param {number} t @returns {FM.Arrows | null} */
export function fieldAt({ fields }, layer, t) {
  const names = namesOf(fields, layer);
  const stored = names.flatMap((part) => fields[/** @type {FM.FieldName} */ (part)] ?? []);
  if (stored.length < names.length) return null;
  const [values, subtracted] = stored.map((field) => interpolate(field, t));
  for (let i = 0; subtracted && i < values.length; i++) values[i] -= subtracted[i];
  const [, rows, columns] = stored[0].shape;
  return { values, longest: longestIn(values, rows, columns), rows, columns };
}

/** The longest arrow of the square in the middle. @param {Float32Array} values @param {number} rows @param {number} columns */
function longestIn(values, rows, columns) {
  let longest = 1e-6;
  for (let i = 0; i < rows * columns; i++) {
    const fromMiddle = Math.abs((i % columns) + 0.5 - columns / 2);
    if (fromMiddle <= rows / 2) longest = Math.max(longest, Math.hypot(values[2 * i], values[2 * i + 1]));
  }
  return longest;
}

/** Arrows centred in their cells; the longest in the middle is as long as a cell, and none is longer. @param {FM.Paper} paper @param {FM.Arrows} field
 * @param {Partial<CanvasRenderingContext2D>} style */
export function drawArrows({ context, run, unit, x0, y0 }, { values, longest, rows, columns }, style) {
  const [[left, bottom], [, top]] = run.field_window;
  const cell = ((top - bottom) / rows) * unit;
  context.beginPath();
  for (let i = 0; i < rows * columns; i++) {
    const length = (0.9 * cell) / Math.max(longest, Math.hypot(values[2 * i], values[2 * i + 1]));
    const [vx, vy] = [values[2 * i] * length, -values[2 * i + 1] * length];
    const x = x0 + left * unit + ((i % columns) + 0.5) * cell + vx / 2; // the tip
    const y = y0 - bottom * unit - (Math.floor(i / columns) + 0.5) * cell + vy / 2;
    context.moveTo(x - vx, y - vy);
    context.lineTo(x, y);
    context.lineTo(x - 0.3 * vx - 0.18 * vy, y - 0.3 * vy + 0.18 * vx);
    context.moveTo(x, y);
    context.lineTo(x - 0.3 * vx + 0.18 * vy, y - 0.3 * vy - 0.18 * vx);
  }
  Object.assign(context, style).stroke();
  context.globalAlpha = 1;
}
