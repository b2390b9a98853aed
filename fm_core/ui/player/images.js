// The scene of the image flows: a grid of images, a film strip of the chosen one, the digits that the classifier reads.
// Layout of the data: fm_core/ui/image_wire.py.

const FRAMES = 11;

/** Decode {header, data}. Each side gets `x` and `v` (T, n, 28, 28), and `probabilities` (T, n, 10) or null. */
async function decodeImages({ header, data }) {
  const take = taker(await bytes(data));
  const sides = header.sides.map((side) => {
    const states = (side.steps + 1) * header.particles;
    return {
      ...side,
      x: take(Uint8Array, states * PIXELS),
      v: take(Uint8Array, states * PIXELS),
      probabilities: side.readings ? take(Uint8Array, states * 10) : null,
    };
  });
  return { ...header, sides };
}

/** Probabilities of the ten digits of an image at a state, in [0, 1]. */
function probabilitiesAt(run, side, state, index) {
  const from = (state * run.particles + index) * 10;
  return Array.from(side.probabilities.subarray(from, from + 10), (value) => value / 255);
}

/** The digit read and how sure the classifier is. */
function reading(run, side, state, index) {
  const probabilities = probabilitiesAt(run, side, state, index);
  const sure = Math.max(...probabilities);
  return { digit: probabilities.indexOf(sure), sure };
}

function meanConfidence(run, side, state) {
  if (!side.probabilities) return "–";
  let total = 0;
  for (let index = 0; index < run.particles; index++) total += reading(run, side, state, index).sure;
  return `${((100 * total) / run.particles).toFixed(0)} %`;
}

/** The chosen image's states in a row for each side, today's probabilities beneath. */
function drawDetail(place, run, t, selected) {
  place.hidden = selected === null;
  if (selected === null) return;
  const key = `${selected}`;
  if (place.run !== run || place.dataset.key !== key) fillStrips(place, run, selected);
  Object.assign(place, { run });
  place.dataset.key = key;
  run.sides.forEach((side, index) => markStrip(place.children[index], run, side, t, selected));
}

function fillStrips(place, run, selected) {
  place.replaceChildren(...run.sides.map((side, index) => {
    const strip = document.createElement("div");
    strip.className = `fm-strip fm-${"ab"[index]}`;
    const states = [...new Set(Array.from({ length: FRAMES }, (_, k) => Math.round(placeAt(side, k / (FRAMES - 1)))))];
    strip.append(...states.map((state) => frameOf(run, side, state, selected)));
    if (side.probabilities) {
      const bars = document.createElement("ol");
      bars.className = "fm-bars";
      bars.setAttribute("aria-label", "How probable the classifier finds each digit in the predicted end");
      bars.innerHTML = "0123456789".replace(/./g, "<li><i></i>$&</li>");
      strip.append(bars);
    }
    return strip;
  }));
}

function frameOf(run, side, state, selected) {
  const figure = document.createElement("figure");
  figure.dataset.state = state;
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 28;
  canvas.getContext("2d").putImageData(imageAt(run, side, selected, timeOf(side, state), "x"), 0, 0);
  const caption = document.createElement("figcaption");
  caption.textContent = timeOf(side, state).toFixed(2);
  figure.append(canvas, caption);
  return figure;
}

function markStrip(strip, run, side, t, selected) {
  const now = stateAt(side, t);
  const frames = [...strip.querySelectorAll("figure")];
  const current = frames.findLast((frame) => Number(frame.dataset.state) <= now);
  frames.forEach((frame) => frame.classList.toggle("fm-now", frame === current));
  const bars = strip.querySelectorAll("i");
  if (!bars.length) return;
  probabilitiesAt(run, side, now, selected).forEach((value, digit) => { bars[digit].style.height = `${100 * value}%`; });
}

function readImage(run, t, selected) {
  return `Image ${selected}: ` + run.sides.map((side, index) => {
    const name = run.sides.length > 1 ? `${"AB"[index]} ` : "";
    if (!side.probabilities) return `${name}x_t and its states above`;
    const state = stateAt(side, t);
    const { digit, sure } = reading(run, side, state, selected);
    return `${name}the classifier reads ${digit} in its predicted end (${(100 * sure).toFixed(0)} % sure)`;
  }).join("; ");
}

function explainImageVariance(run) {
  const covariance = run.sides[0].covariance;
  const why = covariance ? ` Both data sets are standardised, so Var X₀ = Var X₁ = 1; Cov(X₀, X₁) = ${covariance} although the ` +
    "images are paired by chance, because both are bright in the middle." : " Noise and standardised digits both have variance 1.";
  return `${explainTheory(run)}${why} Solid: measured over all images and pixels shown; few images scatter around theory. ` +
    `The k-th of N steps ends at t = (k/N)^${run.sides[0].spacing}: short ones first, when shapes are decided.`;
}

const scene = {
  subject: "image",
  article: "an",
  options: () => ({ view: "x" }),
  restyling: [],
  decode: decodeImages,
  createPanel: createGrid,
  offer: () => {},
  caption: (run) => `${run.particles} image${run.particles > 1 ? "s" : ""}${run.seed === undefined ? "" : `, seed ${run.seed}`}`,
  figure: { textContent: "sure", title: "How sure the classifier is of the digits it reads in the predicted ends, on average" },
  figureOf: meanConfidence,
  readOut: readImage,
  detail: drawDetail,
  statistics: {
    variance: {
      title: "variance",
      explain: explainImageVariance,
      traces: (side, times, line) => [
        line("measured", times, side.statistics.variance[0], "solid"),
        line("theory", times, side.statistics.theory[0], "dash", 1.5),
      ],
    },
    confidence: {
      title: "confidence",
      explain: () => "How sure the digit classifier is of what it reads in the predicted ends x̂₁, averaged over the images.",
      traces: (side, times, line) => [line("confidence", times, side.statistics.confidence, "solid")],
    },
  },
};
