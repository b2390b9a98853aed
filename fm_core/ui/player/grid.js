// One canvas: the images of one side in a square grid, at any time t.

const GAP = 2; // between images, in their own pixels
const PIXELS = 28 * 28;

function createGrid(figure) {
  const canvas = figure.querySelector("canvas");
  const context = canvas.getContext("2d");
  const sheet = document.createElement("canvas");
  let run, side, columns, accent, paper;

  function show(newRun, newSide) {
    run = newRun;
    side = newSide;
    columns = Math.ceil(Math.sqrt(run.particles));
    const rows = Math.ceil(run.particles / columns);
    sheet.width = columns * (28 + GAP) + GAP;
    sheet.height = rows * (28 + GAP) + GAP;
    canvas.style.aspectRatio = `${sheet.width} / ${sheet.height}`;
    resize();
  }

  function resize() {
    const width = Math.max(1, Math.round(canvas.clientWidth * (window.devicePixelRatio || 1)));
    const height = Math.round((width * sheet.height) / sheet.width);
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    restyle();
  }

  function restyle() {
    const style = getComputedStyle(figure);
    accent = style.getPropertyValue(figure.classList.contains("fm-b") ? "--fm-b" : "--fm-a").trim();
    paper = style.getPropertyValue("--fm-line").trim();
  }

  const corner = (index) => [(index % columns) * (28 + GAP) + GAP, Math.floor(index / columns) * (28 + GAP) + GAP];

  function draw(t, options, selected) {
    if (!run) return;
    const context2 = sheet.getContext("2d");
    context2.fillStyle = paper;
    context2.fillRect(0, 0, sheet.width, sheet.height);
    for (let index = 0; index < run.particles; index++) {
      context2.putImageData(imageAt(run, side, index, t, options.view), ...corner(index));
    }
    context.imageSmoothingEnabled = false;
    context.drawImage(sheet, 0, 0, canvas.width, canvas.height);
    if (selected === null) return;
    const unit = canvas.width / sheet.width;
    const [x, y] = corner(selected);
    context.strokeStyle = accent;
    context.lineWidth = GAP * unit;
    context.strokeRect((x - GAP / 2) * unit, (y - GAP / 2) * unit, (28 + GAP) * unit, (28 + GAP) * unit);
  }

  /** The number of the image that was clicked; null beside them. */
  function nearest(event) {
    const unit = canvas.clientWidth / sheet.width;
    const place = (offset) => Math.min(Math.floor((offset / unit - GAP / 2) / (28 + GAP)), columns - 1);
    const index = Math.max(0, place(event.offsetY)) * columns + Math.max(0, place(event.offsetX));
    return index < run.particles ? index : null;
  }

  return { figure, canvas, show, resize, restyle, draw, nearest };
}

/** One image at time t as ImageData: x_t, the predicted end, or the size of the velocity; linear between states. */
function imageAt(run, side, index, t, view) {
  const { state, fraction } = locate(side, t);
  const from = (state * run.particles + index) * PIXELS;
  const to = from + run.particles * PIXELS;
  const image = new ImageData(28, 28);
  const [xScale, vScale] = run.limits.map((limit) => limit / 127.5);
  const { x, v } = side;
  const mix = (values, i, scale) => scale * (values[from + i] + fraction * (values[to + i] - values[from + i]) - 127.5);
  const [a, b] = [0, 1].map((k) => side.coefficients[state][k] * (1 - fraction) + side.coefficients[state + 1][k] * fraction);
  const when = view === "end" ? 1 : t;
  const [mean, std] = [0, 1].map((k) => run.scales[0][k] * (1 - when) + run.scales[1][k] * when);
  for (let i = 0; i < PIXELS; i++) {
    let grey;
    if (view === "speed") grey = (255 * Math.abs(mix(v, i, vScale))) / 4;
    else if (view === "end") grey = 255 * ((a * mix(x, i, xScale) + b * mix(v, i, vScale)) * std + mean);
    else grey = 255 * (mix(x, i, xScale) * std + mean);
    image.data[4 * i] = image.data[4 * i + 1] = image.data[4 * i + 2] = grey; // the array cuts off at 0 and 255
    image.data[4 * i + 3] = 255;
  }
  return image;
}
