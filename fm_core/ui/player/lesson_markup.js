// HTML from where it cannot be trusted, written anew of what lessons need: words, emphasis, lists, tables, formulas.

const WORDS = ["p", "br", "b", "strong", "i", "em", "sub", "sup", "code", "ul", "ol", "li"];
const TABLES = ["table", "thead", "tbody", "tr", "th", "td", "mtable", "mtr", "mtd"];
const FORMULAS = ["math", "mrow", "mi", "mo", "mn", "mtext", "mspace", "msub", "msup", "msubsup", "mfrac", "msqrt"];
const MORE = ["mroot", "mover", "munder", "munderover", "mstyle", "mpadded", "mphantom"];
const KNOWN = new Set([...WORDS, ...TABLES, ...FORMULAS, ...MORE]);
const UNSEEN = new Set(["script", "style", "template", "noscript", "iframe", "object", "embed", "svg", "textarea"]);
const ATTRIBUTES = ["alttext", "display", "form", "stretchy", "fence", "accent", "mathvariant", "width"];

/** What `markup` needs of a node.
 * @typedef {{ nodeType: number, nodeName: string, nodeValue: string | null, childNodes: Iterable<Markable>,
 *   getAttribute?(name: string): string | null }} Markable */

/** @type {Record<string, string>} */
const SIGNS = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** Text as HTML, also within an attribute's quotes. @param {unknown} text */
export const escaped = (text) => String(text).replace(/[&<>"']/g, (sign) => SIGNS[sign]);

/** The HTML of a node: of unknown elements only what is in them, of those that show nothing, nothing.
 * @param {Markable} node @returns {string} */
export function markup(node) {
  if (node.nodeType === 3) return escaped(node.nodeValue ?? "");
  const name = node.nodeName.toLowerCase();
  if (node.nodeType !== 1 || UNSEEN.has(name)) return "";
  const inside = Array.from(node.childNodes, markup).join("");
  if (!KNOWN.has(name)) return inside;
  const attributes = ATTRIBUTES.map((key) => {
    const value = node.getAttribute?.(key) ?? null;
    return value === null ? "" : ` ${key}="${escaped(value)}"`;
  });
  return `<${name}${attributes.join("")}>${name === "br" ? "" : `${inside}</${name}>`}`;
}

/** HTML without anything but words, emphasis, lists, tables and formulas. @param {string} html */
export const clean = (html) => markup(new DOMParser().parseFromString(html, "text/html").body);
