// The probe in the canvas of one side: the paths through a place, their ends, and the arrows.

const HORIZON = 0.5; // an arrow reaches as far as a particle would come in this time,
const LONGEST = 0.22; // but not further than this part of the window
const WASH = 0.6; // how much of the picture beneath is hidden

/** What a picture of points can do with a probe. @param {FM.Paper} paper */
export function probeOn(paper) {
  const small = Math.min(paper.width, paper.height) < 400 * paper.ratio;
  const sheet = small ? { ...paper, weight: 0.65 * paper.weight } : paper;
  const { canvas, width, height, ratio, unit, x0, y0 } = paper;
  return {
    /** The place at a pointer event, within the picture. @param {MouseEvent} event */
    placeAt(event) {
      const box = canvas.getBoundingClientRect();
      const [x, y] = [event.clientX - box.left, event.clientY - box.top].map((pixels) => (pixels * width) / box.width);
      const within = (/** @type {number} */ pixels, /** @type {number} */ size) =>
        Math.min(Math.max(pixels, 1), size - 1);
      return [(within(x, width) - x0) / unit, (y0 - within(y, height)) / unit];
    },
    /** The pixels of a place within the canvas' box; null if it is outside. @param {number[]} at */
    pixelsOf([x, y]) {
      const [left, top] = [x0 + x * unit, y0 - y * unit];
      const inside = left >= 0 && top >= 0 && left <= width && top <= height;
      return inside ? [left / ratio, top / ratio] : null;
    },
    /** @param {FM.Probed} found @param {number} index @param {FM.ProbedFlow | null} flow */
    drawProbe(found, index, flow) {
      const side = found.sides[index];
      wash(sheet);
      drawPairs(sheet, side);
      if (flow) drawLines(sheet, flow.sides[index]);
      const reach = reachOf(sheet, found);
      const arrow = (/** @type {number[]} */ v, /** @type {string} */ colour, /** @type {number} */ thickness) =>
        drawArrow(sheet, found.x, v, reach, colour, thickness);
      for (const v of [side.exact, side.learned]) if (v) arrow(v, sheet.paper, 9); // so that they stand out
      if (side.exact) arrow(side.exact, sheet.of("exact"), 5.5);
      if (side.learned) arrow(side.learned, sheet.ink, 2.5);
    },
  };
}

/** @param {FM.Paper} paper */
function wash({ context, paper, width, height }) {
  Object.assign(context, { globalAlpha: WASH, fillStyle: paper }).fillRect(0, 0, width, height);
  context.globalAlpha = 1;
}

/** The opacity of each pair. @param {FM.Block} weights */
export function opacitiesOf({ values }) {
  const most = Math.max(...values);
  return Array.from(values, (weight) => 0.06 + 0.8 * Math.sqrt(weight / most));
}

/** @param {FM.Paper} paper @param {FM.ProbedSide} side */
function drawPairs(paper, { pairs, path }) {
  if (!pairs || !path) return;
  const { context, weight, accent, ink } = paper;
  const [x_0, x_1] = [pairs.x_0.values, pairs.x_1.values];
  for (const [k, opacity] of opacitiesOf(pairs.weights).entries()) {
    const [a, b, c, d] = [x_0[2 * k], x_0[2 * k + 1], x_1[2 * k], x_1[2 * k + 1]];
    context.globalAlpha = 0.5 * opacity; // for they are many, and all meet in the place
    const places = Array.from({ length: path.shape[0] }, (_, i) => {
      const [alpha, beta] = [path.values[2 * i], path.values[2 * i + 1]];
      return [alpha * a + beta * c, alpha * b + beta * d];
    });
    strokeLine(paper, places, { strokeStyle: accent, lineWidth: 1.2 * weight });
    Object.assign(context, { strokeStyle: ink, fillStyle: accent, lineWidth: 1.2 * weight, globalAlpha: opacity });
    dot(paper, [a, b], 3);
    context.stroke();
    dot(paper, [c, d], 3.2);
    context.fill();
  }
  context.globalAlpha = 1;
}

/** @param {FM.Paper} paper @param {number[]} place @param {number} radius */
function dot({ context, unit, x0, y0, weight }, [x, y], radius) {
  context.beginPath();
  context.arc(x0 + x * unit, y0 - y * unit, radius * weight, 0, 2 * Math.PI);
}

/** @param {FM.Paper} paper @param {number[][]} places @param {Partial<CanvasRenderingContext2D>} style */
function strokeLine({ context, unit, x0, y0 }, places, style) {
  context.beginPath();
  for (const [x, y] of places) context.lineTo(x0 + x * unit, y0 - y * unit);
  Object.assign(context, style).stroke();
}

/** The way of the place on both flows. @param {FM.Paper} paper @param {FM.ProbedFlow["sides"][number]} side */
function drawLines(paper, { lines }) {
  const { context, weight, ink, of } = paper;
  const placesOf = (/** @type {FM.Block} */ { values, shape }) =>
    Array.from({ length: shape[0] }, (_, i) => [values[2 * i], values[2 * i + 1]]);
  if (lines.learned) strokeLine(paper, placesOf(lines.learned), { strokeStyle: ink, lineWidth: 1.5 * weight });
  if (!lines.exact) return;
  context.setLineDash([6 * weight, 4 * weight]);
  strokeLine(paper, placesOf(lines.exact), { strokeStyle: of("exact"), lineWidth: 1.8 * weight });
  context.setLineDash([]);
}

/** How long a velocity of 1 is drawn, the same for all arrows. @param {FM.Paper} paper @param {FM.Probed} found */
function reachOf({ run }, { sides }) {
  const speeds = sides.flatMap(({ learned, exact }) => [learned, exact]).map((v) => (v ? Math.hypot(...v) : 0));
  const [[bottom], [top]] = run.window;
  return Math.min(HORIZON, (LONGEST * (top - bottom)) / Math.max(...speeds, 1e-9));
}

/** @param {FM.Paper} paper @param {number[]} from @param {number[]} v @param {number} reach @param {string} colour @param {number} thickness */
function drawArrow({ context, unit, x0, y0, weight }, from, v, reach, colour, thickness) {
  const [x, y] = [x0 + from[0] * unit, y0 - from[1] * unit];
  const [dx, dy] = [v[0] * reach * unit, -v[1] * reach * unit];
  const length = Math.hypot(dx, dy);
  if (length < 1) return;
  const head = Math.min(length, (8 + 1.5 * thickness) * weight) / length;
  const [hx, hy] = [head * dx, head * dy];
  context.beginPath();
  context.moveTo(x, y);
  context.lineTo(x + dx, y + dy);
  context.moveTo(x + dx - hx - 0.6 * hy, y + dy - hy + 0.6 * hx);
  context.lineTo(x + dx, y + dy);
  context.lineTo(x + dx - hx + 0.6 * hy, y + dy - hy - 0.6 * hx);
  Object.assign(context, { strokeStyle: colour, lineWidth: thickness * weight, lineJoin: "round", lineCap: "round" });
  context.stroke();
  Object.assign(context, { lineJoin: "miter", lineCap: "butt" });
}
