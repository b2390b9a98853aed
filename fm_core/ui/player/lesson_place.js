// Where the probe of an experiment is, as in an address: probe=x,y&t=0.5.
import { displayIn } from "./address.js";

const NAMES = ["probe", "t"];

/** The place and the time that a display names, if they can be; null if there is no probe. @param {string} show */
export function placeIn(show) {
  const { probe = [], t = -1 } = /** @type {{ probe?: number[], t?: number }} */ (displayIn(show));
  const possible = probe.length === 2 && probe.every((x) => Math.abs(x) <= 20) && t >= 0 && t <= 1;
  return possible ? { probe, t } : null;
}

/** The display with the place of a lesson's address, if that can be. @param {string} show
 * @param {(name: string) => string | null} parameter of the address */
export function movedBy(show, parameter) {
  const found = NAMES.flatMap((name) => (parameter(name) === null ? [] : [[name, String(parameter(name))]]));
  const moved = new URLSearchParams([...new URLSearchParams(show), ...found]);
  for (const [name, text] of found) moved.set(name, text);
  return found.length && placeIn(show) && placeIn(`${moved}`) ? `${moved}` : show;
}

/** Where a player is that does not play, as in an address. @param {import("./player.js").Player} player */
export function placeOf({ probe, clock }) {
  const at = probe.at?.map((x) => Number(x.toFixed(4))).join(",") ?? "";
  return { probe: at, t: String(Number(clock.t.toFixed(4))) };
}

/** Whether it is there, or nowhere in particular is meant. @param {import("./player.js").Player} player @param {string} show */
export function isAt(player, show) {
  const place = placeIn(show);
  const { probe, t } = placeOf(player);
  return !place || (probe === place.probe.join(",") && t === String(place.t));
}
