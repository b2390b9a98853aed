// Large letters and thick lines, for a projector: one setting of the whole page, which the address of every tab carries.
import { addressFor, isLarge, setAddress } from "./address.js";

/** Show what the address says: style sheet and players read it from the page's class. */
export function showLarge() {
  document.documentElement.classList.toggle("fm-large", isLarge(location.search));
}

/** @param {boolean} large */
export function setLarge(large) {
  const parameters = new URLSearchParams(location.search);
  setAddress(addressFor(parameters, large, location), false);
  showLarge();
}
