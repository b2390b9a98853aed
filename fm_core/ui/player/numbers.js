// Number fields while they are typed into.

/** Whether an element is a control's number field that has no whole number within its limits, perhaps not yet.
 * @param {unknown} element @returns {element is HTMLInputElement} */
export function isUnfinished(element) {
  if (!(element instanceof HTMLInputElement) || !element.matches(".fm-controls [type=number]")) return false;
  const { rangeUnderflow, rangeOverflow } = element.validity;
  return !Number.isInteger(element.valueAsNumber) || rangeUnderflow || rangeOverflow; // any step is right
}
