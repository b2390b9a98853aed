// What the player's inputs show, and which of its parts a run has.
import { isLarge } from "./address.js";
import { find } from "./dom.js";

/** The inputs show the options; a value that a menu does not have becomes the usual one.
 * @param {HTMLElement} root @param {FM.Options} options @param {FM.Options} usual */
export function showOptions(root, options, usual) {
  for (const input of root.querySelectorAll("[data-option]")) {
    const name = /** @type {HTMLElement} */ (input).dataset.option ?? "";
    if (input instanceof HTMLInputElement) input.checked = options[name] === true;
    if (!(input instanceof HTMLSelectElement)) continue;
    const known = [...input.options].some(({ value, hidden }) => value === String(options[name]) && !hidden);
    if (!known) options[name] = usual[name];
    input.value = String(options[name]);
  }
  for (const input of root.querySelectorAll("input[data-layer]")) {
    if (input instanceof HTMLInputElement) input.checked = options.layers.includes(input.dataset.layer ?? "");
  }
  for (const part of root.querySelectorAll("[data-when]")) {
    const [option, value] = /** @type {HTMLElement} */ (part).dataset.when?.split(" ") ?? [];
    /** @type {HTMLElement} */ (part).hidden = String(options[option]) !== value;
  }
  find(root, ".fm-size", HTMLInputElement).checked = isLarge(location.search);
}

/** Hide what a run lacks, and the columns of the table without a head.
 * @param {HTMLElement} root @param {Record<string, boolean>} offered */
export function offer(root, offered) {
  for (const part of root.querySelectorAll("[data-needs]")) {
    const lacking = offered[/** @type {HTMLElement} */ (part).dataset.needs ?? ""] === false;
    part.toggleAttribute("hidden", lacking);
    if (part instanceof HTMLOptionElement) part.disabled = lacking; // for browsers that show hidden ones
  }
  const [heads, ...rows] = find(root, ".fm-numbers", HTMLTableElement).rows;
  for (const [k, { hidden }] of [...heads.cells].entries()) for (const { cells } of rows) cells[k].hidden = hidden;
}

/** The menu says which charts a run cannot have, and why.
 * @param {HTMLSelectElement} menu @param {(statistic: string) => [string, string] | null | undefined} lacking */
export function offerCharts(menu, lacking) {
  for (const option of menu.options) {
    const why = lacking(option.value);
    option.dataset.name ??= option.text;
    option.disabled = Boolean(why);
    option.text = option.dataset.name + (why ? `: ${why[0]}` : "");
  }
}
