// The sentence beneath the title: what moves where, what drives it, and what to notice just now.
import { CONDITIONS } from "./sentence_conditions.js";
import { nameOf } from "./sentence_differences.js";
import { isPairs, isPerfect, last, lookAt } from "./sentence_look.js";
import { WORDS } from "./sentence_words.js";
import { IMAGES, PAIRS, PERFECT, POINTS } from "./sentences.js";
import { COMPARED, COMPARED_PAIRS } from "./sentences_compared.js";

/** @typedef {{ text: string, tone: "" | "strong" | "a" | "b" }} Piece */
/** @typedef {import("./sentence_look.js").Look} Look */
/** @typedef {import("./sentence_look.js").Run} Run */

const PHASES = /** @type {const} */ ([
  { name: "start", from: 0, until: 0.08 },
  { name: "way", from: 0.08, until: 0.4 },
  { name: "middle", from: 0.4, until: 0.62 },
  { name: "late", from: 0.62, until: 1 },
  { name: "end", from: 1, until: Infinity },
]);

/** What is said at time t. Which sentence is chosen depends only on the phase and on the whole run, so that within a
 * phase nothing but figures changes. @param {Run} run @param {number} t @returns {Piece[]} */
export function sentenceOf(run, t) {
  const phase = PHASES.find(({ until }) => t < until) ?? last(PHASES);
  const looks = run.sides.map((side) => lookAt(run, side, t, phase));
  const sentences = Object.entries(tableOf(run)[phase.name]);
  const [, sentence] = sentences.find(([condition]) => CONDITIONS[condition](looks[0], looks)) ?? last(sentences);
  return piecesOf(sentence, looks);
}

/** @param {Run} run @returns {import("./sentences.js").Table} */
function tableOf({ kind, sides }) {
  if (sides.every(isPairs)) return sides.length > 1 ? COMPARED_PAIRS : PAIRS;
  if (sides.length > 1) return COMPARED;
  if (kind === "points") return POINTS;
  return isPerfect(sides[0]) ? PERFECT : IMAGES;
}

/** Words in place of the braces, and what stands out as pieces of its own.
 * @param {string} sentence @param {Look[]} looks @returns {Piece[]} */
function piecesOf(sentence, looks) {
  const filled = sentence.replace(/\{(?:([ab])\.)?([^{}]{2,})\}/g, (_, letter, word) =>
    WORDS[word](looks["ab".indexOf(letter ?? "a")]),
  );
  const parts = filled.split(/(\*[^*]+\*|\{[ab]\})/).filter(Boolean);
  const [first, ...rest] = parts.map((part) => pieceOf(part, looks[0].run));
  return [{ ...first, text: first.text[0].toUpperCase() + first.text.slice(1) }, ...rest];
}

/** @param {string} part @param {Run} run @returns {Piece} */
function pieceOf(part, run) {
  if (part === "{a}") return { text: nameOf(run, 0), tone: "a" };
  if (part === "{b}") return { text: nameOf(run, 1), tone: "b" };
  return part.startsWith("*") ? { text: part.slice(1, -1), tone: "strong" } : { text: part, tone: "" };
}
