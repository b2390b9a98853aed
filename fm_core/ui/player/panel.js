// One canvas: target density, arrows, paths and particles of one side, at any time t.

const COLOURS = 12; // particles are coloured by the direction in which they start
const TRAIL_TIME = 0.15;
const TRAIL_POINTS = 8;
const TRAILS = 500;
const WHOLE_PATHS = 250;

function createPanel(figure) {
  const canvas = figure.querySelector("canvas");
  const context = canvas.getContext("2d");
  let run, side, groups, palette, background, wholePaths;
  let map = null; // canvas pixels from int16 states: x = map.x0 + map.kx * value

  function show(newRun, newSide) {
    run = newRun;
    side = newSide;
    groups = groupByDirection(run, side);
    resize();
  }

  function resize() {
    const ratio = window.devicePixelRatio || 1;
    const size = Math.max(1, Math.round(canvas.clientWidth * ratio));
    if (canvas.width !== size || canvas.height !== size) canvas.width = canvas.height = size;
    if (!run) return;
    const [low, high] = run.window;
    const unit = size / (high[0] - low[0]);
    map = {
      size, ratio, unit,
      x0: -low[0] * unit, kx: side.scale * unit,
      y0: size + low[1] * unit, ky: -side.scale * unit,
    };
    restyle();
  }

  function restyle() {
    const style = getComputedStyle(figure);
    const colour = (name) => style.getPropertyValue(name).trim();
    palette = {
      ink: colour("--fm-ink"), soft: colour("--fm-soft"), line: colour("--fm-line"), paper: colour("--fm-paper"),
      side: colour(figure.classList.contains("fm-b") ? "--fm-b" : "--fm-a"),
      density: colour("--fm-density").split(" ").map(Number),
      particles: Array.from({ length: COLOURS }, (_, k) => `hsl(${(360 * k) / COLOURS} 70% ${colour("--fm-light")})`),
    };
    background = wholePaths = null;
  }

  function draw(t, options, selected) {
    if (!run || !map) return;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.drawImage(background ??= paintBackground(options.density), 0, 0);
    if (options.arrows !== "none") drawArrows(t, options.arrows);
    if (options.paths === "whole") context.drawImage(wholePaths ??= paintWholePaths(), 0, 0);
    if (options.paths === "trails") drawTrails(t);
    drawParticles(t);
    if (selected !== null) drawSelected(t, selected);
  }

  function layer() {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = map.size;
    return [canvas, canvas.getContext("2d")];
  }

  function paintBackground(withDensity) {
    const [canvas, context] = layer();
    context.fillStyle = palette.paper;
    context.fillRect(0, 0, map.size, map.size);
    if (withDensity) {
      context.imageSmoothingEnabled = true;
      context.drawImage(densityImage(run, palette.density), 0, 0, map.size, map.size);
    }
    drawAxes(context);
    return canvas;
  }

  function drawAxes(context) {
    const [low, high] = run.window;
    context.strokeStyle = palette.line;
    context.fillStyle = palette.soft;
    context.lineWidth = map.ratio * 0.5;
    context.font = `${10 * map.ratio}px sans-serif`;
    const pixelX = (value) => map.x0 + value * map.unit;
    const pixelY = (value) => map.y0 - value * map.unit;
    context.beginPath();
    for (let tick = Math.ceil(low[0] / 2) * 2; tick < high[0]; tick += 2) {
      context.moveTo(pixelX(tick), 0);
      context.lineTo(pixelX(tick), map.size);
      context.fillText(tick, pixelX(tick) + 3 * map.ratio, map.size - 4 * map.ratio);
    }
    for (let tick = Math.ceil(low[1] / 2) * 2; tick < high[1]; tick += 2) {
      context.moveTo(0, pixelY(tick));
      context.lineTo(map.size, pixelY(tick));
      context.fillText(tick, 4 * map.ratio, pixelY(tick) - 3 * map.ratio);
    }
    context.stroke();
  }

  function drawParticles(t) {
    const { state, fraction } = locate(side, t);
    const before = state * run.particles * 2;
    const after = before + run.particles * 2;
    const size = map.ratio * (run.particles > 2500 ? 2 : 2.6);
    const { states } = side;
    for (let k = 0; k < COLOURS; k++) {
      context.fillStyle = palette.particles[k];
      for (const i of groups[k]) {
        const x = states[before + i] + fraction * (states[after + i] - states[before + i]);
        const y = states[before + i + 1] + fraction * (states[after + i + 1] - states[before + i + 1]);
        context.fillRect(map.x0 + map.kx * x - size / 2, map.y0 + map.ky * y - size / 2, size, size);
      }
    }
  }

  function drawTrails(t) {
    const from = Math.max(0, t - TRAIL_TIME);
    if (t <= from) return;
    const stride = Math.ceil(((t - from) * side.steps) / TRAIL_POINTS) || 1;
    const places = [from * side.steps];
    for (let state = Math.floor(places[0]) + 1; state < t * side.steps; state += stride) places.push(state);
    places.push(t * side.steps);
    const count = Math.min(TRAILS, run.particles);
    context.beginPath();
    for (let particle = 0; particle < count; particle++) tracePath(context, particle, places);
    context.globalAlpha = 0.35;
    context.strokeStyle = palette.ink;
    context.lineWidth = map.ratio * 0.7;
    context.stroke();
    context.globalAlpha = 1;
  }

  /** Add a particle's path through these places, in units of steps, to the context's current path. */
  function tracePath(context, particle, places) {
    const { states } = side;
    places.forEach((place, index) => {
      const state = Math.min(Math.floor(place), side.steps - 1);
      const fraction = place - state;
      const i = (state * run.particles + particle) * 2;
      const j = i + run.particles * 2;
      const x = map.x0 + map.kx * (states[i] + fraction * (states[j] - states[i]));
      const y = map.y0 + map.ky * (states[i + 1] + fraction * (states[j + 1] - states[i + 1]));
      if (index === 0) context.moveTo(x, y);
      else context.lineTo(x, y);
    });
  }

  function paintWholePaths() {
    const [canvas, context] = layer();
    const places = Array.from({ length: side.steps + 1 }, (_, state) => state);
    context.beginPath();
    for (let particle = 0; particle < Math.min(WHOLE_PATHS, run.particles); particle++) {
      tracePath(context, particle, places);
    }
    context.globalAlpha = 0.35;
    context.strokeStyle = palette.ink;
    context.lineWidth = map.ratio * 0.6;
    context.stroke();
    return canvas;
  }

  function drawSelected(t, particle) {
    const places = Array.from({ length: side.steps + 1 }, (_, state) => state);
    context.beginPath();
    tracePath(context, particle, places);
    context.strokeStyle = palette.side;
    context.lineWidth = 2 * map.ratio;
    context.stroke();
    context.fillStyle = palette.side;
    for (let state = 0; state <= side.steps; state++) {
      const i = (state * run.particles + particle) * 2;
      dot(map.x0 + map.kx * side.states[i], map.y0 + map.ky * side.states[i + 1], 2.2);
    }
    const [x, y] = positionAt(run, side, particle, t);
    context.fillStyle = palette.ink;
    dot(map.x0 + x * map.unit, map.y0 - y * map.unit, 5);
  }

  function dot(x, y, radius) {
    context.beginPath();
    context.arc(x, y, radius * map.ratio, 0, 2 * Math.PI);
    context.fill();
  }

  function drawArrows(t, name) {
    const arrows = fieldAt(run, side, name, t);
    if (!arrows) return;
    const cell = map.size / run.grid;
    const length = (0.9 * cell) / arrows.longest;
    context.beginPath();
    for (let i = 0; i < run.grid ** 2; i++) {
      const vx = arrows.values[2 * i] * length;
      const vy = -arrows.values[2 * i + 1] * length;
      const x = ((i % run.grid) + 0.5) * cell - vx / 2;
      const y = map.size - (Math.floor(i / run.grid) + 0.5) * cell - vy / 2;
      context.moveTo(x, y);
      context.lineTo(x + vx, y + vy);
      context.lineTo(x + 0.7 * vx - 0.18 * vy, y + 0.7 * vy + 0.18 * vx);
      context.moveTo(x + vx, y + vy);
      context.lineTo(x + 0.7 * vx + 0.18 * vy, y + 0.7 * vy - 0.18 * vx);
    }
    context.strokeStyle = palette.ink;
    context.globalAlpha = 0.75;
    context.lineWidth = map.ratio;
    context.stroke();
    context.globalAlpha = 1;
    label(`longest arrow: ${arrows.longest.toPrecision(2)}`);
  }

  /** A line of text in the upper left corner, readable over anything. */
  function label(text) {
    context.font = `${11 * map.ratio}px sans-serif`;
    context.fillStyle = palette.paper;
    context.fillRect(0, 0, context.measureText(text).width + 12 * map.ratio, 21 * map.ratio);
    context.fillStyle = palette.ink;
    context.fillText(text, 6 * map.ratio, 15 * map.ratio);
  }

  /** The particle nearest to a pointer event, or null if none is within 16 pixels. */
  function nearest(event, t) {
    const box = canvas.getBoundingClientRect();
    const scale = map.size / box.width;
    const [x, y] = [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
    let best = null;
    let bestSquare = (16 * map.ratio) ** 2;
    for (let particle = 0; particle < run.particles; particle++) {
      const [px, py] = positionAt(run, side, particle, t);
      const square = (map.x0 + px * map.unit - x) ** 2 + (map.y0 - py * map.unit - y) ** 2;
      if (square < bestSquare) [best, bestSquare] = [particle, square];
    }
    return best;
  }

  return { figure, canvas, show, resize, restyle, draw, nearest };
}

/** Offsets into a state of the particles in each of COLOURS sectors around the centre of the source. */
function groupByDirection(run, side) {
  const groups = Array.from({ length: COLOURS }, () => []);
  let [centreX, centreY] = [0, 0];
  for (let i = 0; i < 2 * run.particles; i += 2) {
    centreX += side.states[i] / run.particles;
    centreY += side.states[i + 1] / run.particles;
  }
  for (let i = 0; i < 2 * run.particles; i += 2) {
    const turn = Math.atan2(side.states[i + 1] - centreY, side.states[i] - centreX) / (2 * Math.PI) + 1;
    groups[Math.floor(turn * COLOURS) % COLOURS].push(i);
  }
  return groups;
}

/** The density as a small canvas, opaque where it is high; the first row of the data is the bottom one. */
function densityImage(run, [red, green, blue]) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = run.pixels;
  const image = new ImageData(run.pixels, run.pixels);
  for (let row = 0; row < run.pixels; row++) {
    for (let column = 0; column < run.pixels; column++) {
      const value = run.density[(run.pixels - 1 - row) * run.pixels + column];
      image.data.set([red, green, blue, 0.55 * value], (row * run.pixels + column) * 4);
    }
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

/** A field on the grid at time t, linear between the stored times, and the longest arrow shown; null if it has none. */
function fieldAt(run, side, name, t) {
  const stored = name === "difference" ? ["learned", "exact"] : [name];
  if (!stored.every((part) => side.fields[part])) return null;
  const place = t * (run.times - 1);
  const time = Math.min(Math.floor(place), run.times - 2);
  const length = run.grid ** 2 * 2;
  const at = ({ values, scale }, i) => {
    const [before, after] = [values[time * length + i], values[(time + 1) * length + i]];
    return scale * (before + (place - time) * (after - before));
  };
  const [first, second] = stored.map((part) => side.fields[part]);
  const values = new Float32Array(length);
  for (let i = 0; i < length; i++) values[i] = at(first, i) - (second ? at(second, i) : 0);
  let longest = 1e-6;
  for (let i = 0; i < length; i += 2) longest = Math.max(longest, Math.hypot(values[i], values[i + 1]));
  return { values, longest };
}
