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

/** A field or the difference of two on the grid at time t; null if the side lacks it.
 * @param {FM.PointsSide} side @param {string} name @param {number} t @returns {FM.Arrows | null} */
export function fieldAt({ fields }, name, t) {
  const names = name === "difference" ? ["learned", "exact"] : [name];
  const stored = names.flatMap((part) => fields[/** @type {FM.FieldName} */ (part)] ?? []);
  if (stored.length < names.length) return null;
  const [values, subtracted] = stored.map((field) => interpolate(field, t));
  for (let i = 0; subtracted && i < values.length; i++) values[i] -= subtracted[i];
  let longest = 1e-6;
  for (let i = 0; i < values.length; i += 2) longest = Math.max(longest, Math.hypot(values[i], values[i + 1]));
  return { values, longest, grid: stored[0].shape[1] };
}

/** @param {FM.Paper} paper @param {FM.Arrows} field */
export function drawArrows({ context, size, ratio, ink, paper }, { values, longest, grid }) {
  const cell = size / grid;
  const length = (0.9 * cell) / longest;
  context.beginPath();
  for (let i = 0; i < grid ** 2; i++) {
    const [vx, vy] = [values[2 * i] * length, -values[2 * i + 1] * length];
    const x = ((i % grid) + 0.5) * cell + vx / 2; // the tip, so that the arrow is centred in its cell
    const y = size - (Math.floor(i / grid) + 0.5) * cell + vy / 2;
    context.moveTo(x - vx, y - vy);
    context.lineTo(x, y);
    context.lineTo(x - 0.3 * vx - 0.18 * vy, y - 0.3 * vy + 0.18 * vx);
    context.moveTo(x, y);
    context.lineTo(x - 0.3 * vx + 0.18 * vy, y - 0.3 * vy - 0.18 * vx);
  }
  Object.assign(context, { strokeStyle: ink, globalAlpha: 0.75, lineWidth: ratio }).stroke();
  const text = `longest arrow: ${longest.toPrecision(2)}`;
  Object.assign(context, { globalAlpha: 1, font: `${11 * ratio}px sans-serif`, fillStyle: paper });
  context.fillRect(0, 0, context.measureText(text).width + 12 * ratio, 21 * ratio); // readable over anything
  Object.assign(context, { fillStyle: ink }).fillText(text, 6 * ratio, 15 * ratio);
}
