// The menus of a tab without a player, in the address.
import { addressOf, opening, show, tabOf } from "./address.js";

/** A menu of one of its choices, or of `most` of them if what is usual is a list.
 * @typedef {{ name: string, usual: string | string[], choices: string[], most: number }} Menu
 * @typedef {string | string[] | null} Chosen */

/** Write what the menus show, unless another tab is seen. @param {string} tab @param {Menu[]} menus @param {Chosen[]} values */
export function keep(tab, menus, values) {
  if (tabOf(location.search) !== tab) return;
  const chosen = menus.map(({ name, usual }, k) => [name, String(values[k] ?? ""), String(usual)]);
  const changed = chosen.filter(([, value, usual]) => value !== usual).map(([name, value]) => [name, value]);
  show(tab, addressOf(String(new URLSearchParams({ tab })), Object.fromEntries(changed), location), false);
}

/** What the menus show when the page opens. @param {string} tab @param {Menu[]} menus */
export function kept(tab, menus) {
  return read(opening(tab), menus);
}

/** The menus' values in an address; what is no choice is left out. @param {string} search @param {Menu[]} menus */
export function read(search, menus) {
  const found = new URLSearchParams(search);
  return menus.map(({ name, usual, choices, most }) => {
    const text = found.get(name);
    if (text === null) return usual;
    const known = choices.filter((choice) => text.split(",").includes(choice));
    return Array.isArray(usual) ? known.slice(0, most) : (known[0] ?? usual);
  });
}
