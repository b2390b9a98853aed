// Helpers for the page's elements and canvases.

/** @template {Element} [E=HTMLElement] @param {ParentNode} place @param {string} selector @param {new () => E} [Kind] */
export function find(place, selector, Kind) {
  const element = place.querySelector(selector);
  if (element instanceof (Kind ?? HTMLElement)) return /** @type {E} */ (element);
  throw new Error(`the player has no ${selector}`);
}

/** A new element with these properties and children.
 * @template {keyof HTMLElementTagNameMap} T @param {T} tag @param {object} properties @param {(Node | string)[]} children */
export function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** Leaves the page alone if the text is the same. @param {Element} element @param {string} text */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** @param {HTMLCanvasElement} canvas */
export const contextOf = (canvas) => /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));

/** Match the screen's pixels; a new size clears it. @param {HTMLCanvasElement} canvas */
export function fit(canvas) {
  const [width, height] = [canvas.clientWidth, canvas.clientHeight].map(inPixels);
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
}
const inPixels = (/** @type {number} */ length) => Math.max(1, Math.round(length * (window.devicePixelRatio || 1)));

/** After the next frame is on the screen. @returns {Promise<void>} */
export const painted = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));

/** The theme's colours, by their names in the style sheet. @param {Element} element */
export function coloursOf(element) {
  const style = getComputedStyle(element);
  return (/** @type {string} */ name) => style.getPropertyValue(`--fm-${name}`).trim();
}
