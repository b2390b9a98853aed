// Text broken into lines.

/** Lines no wider than `width`, broken between words; a wider word has a line to itself.
 * @param {string} text @param {number} width @param {(line: string) => number} measure @returns {string[]} */
export function wrap(text, width, measure) {
  const lines = /** @type {string[]} */ ([]);
  for (const word of text.split(/\s+/).filter(Boolean)) {
    const longer = lines.length ? `${lines[lines.length - 1]} ${word}` : word;
    if (lines.length && measure(longer) <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}
