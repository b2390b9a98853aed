// What the page does beside its players: tabs in the address, groups of choices, numbers, pasted pictures.
import { showTab, tabOf } from "./address.js";
import { make } from "./dom.js";
import { showLarge } from "./large.js";
import { inWords, isUnfinished, limitsOf, nearest } from "./numbers.js";

/** Once per page. */
export function connectPage() {
  window.addEventListener("fm-tab", (event) => showTab(/** @type {CustomEvent<string>} */ (event).detail));
  window.addEventListener("popstate", () => openTab(tabOf(location.search)));
  window.addEventListener("popstate", showLarge);
  showLarge();
  document.querySelector(".fm-skip")?.addEventListener("click", skip);
  document.addEventListener("paste", paste);
  for (const type of ["click", "change", "drop"]) document.addEventListener(type, showTranslation, true);
  document.addEventListener("blur", finishNumber, true); // before the component's own repair, which says nothing
  document.addEventListener("keydown", (event) => event.key === "Enter" && finishNumber(event));
  for (const icon of document.querySelectorAll("footer button img")) icon.setAttribute("alt", ""); // beside its name
  const parts = new MutationObserver(nameParts);
  parts.observe(document.body, { childList: true, subtree: true });
  nameParts();
}

/** @param {string} id */
function openTab(id) {
  const tab = document.querySelector(`#tabs [data-tab-id="${CSS.escape(id)}"][aria-selected="false"]`);
  if (tab instanceof HTMLElement) tab.click();
}

/** Past tabs and questions: to the button that plays, or into a tab without a player. @param {Event} event */
function skip(event) {
  event.preventDefault();
  const places = [...document.querySelectorAll(".fm-play"), ...document.querySelectorAll("[role=tabpanel]")];
  const place = places.find((element) => element.checkVisibility());
  if (!(place instanceof HTMLElement)) return;
  if (place.tabIndex < 0) place.tabIndex = -1;
  place.focus();
}

/** Names and groups for screen readers, where Gradio gives none or others than are seen. */
function nameParts() {
  groupChoices();
  document.querySelector("#translate-files .upload-container[aria-label]")?.removeAttribute("aria-label");
}

/** The radio buttons of a menu belong together, so that the arrow keys go through them and Tab leaves them. */
function groupChoices() {
  for (const group of document.querySelectorAll("fieldset.fm-choice:not([aria-label])")) {
    const title = group.querySelector('[data-testid="block-info"]')?.textContent?.trim() ?? "";
    group.setAttribute("aria-label", title);
    group.setAttribute("role", "radiogroup");
  }
  for (const input of document.querySelectorAll('fieldset.fm-choice input[name^="radio-"]')) {
    if (input instanceof HTMLInputElement) input.name = `in ${input.closest("fieldset")?.id}`;
  }
}

/** A number that cannot be is replaced by the nearest one that can, when its entry is finished. @param {Event} event */
function finishNumber({ target: input }) {
  if (!isUnfinished(input)) return;
  const limits = limitsOf(input);
  const value = nearest(input.valueAsNumber, limits);
  const name = input.ariaLabel?.replace(/number input for |;.*/g, "") ?? "This";
  note(input, `${name} must be ${inWords(limits)}, so it is now ${value}.`);
  input.value = String(value);
  input.dispatchEvent(new Event("input", { bubbles: true }));
}

/** Say something beneath a field, until the next entry. @param {HTMLInputElement} input @param {string} words */
function note(input, words) {
  const block = input.closest(".block, .fm-options label") ?? input;
  block.parentElement?.querySelector(".fm-field-note")?.remove();
  const place = make("p", { className: "fm-field-note", role: "alert" }, words);
  block.after(place);
  input.addEventListener("keydown", () => place.remove(), { once: true });
}

/** Pictures of one's own are given far below the player: bring what becomes of them into sight. @param {Event} event */
function showTranslation({ target, type }) {
  const giving = type === "click" ? '#translate-pad [aria-label="Save changes"]' : "#translate-files";
  if (!(target instanceof Element) || !target.closest(giving)) return;
  document.querySelector("#translate-player .fm-words-above")?.scrollIntoView({ block: "nearest" });
}

/** A picture pasted while the upload is visible replaces its files. @param {ClipboardEvent} event */
function paste(event) {
  const box = document.querySelector("#translate-files");
  const files = event.clipboardData?.files;
  if (!files?.length || !box?.checkVisibility()) return;
  event.preventDefault();
  const clear = box.querySelector("[aria-label=Clear]");
  if (clear instanceof HTMLElement) clear.click();
  const give = (/** @type {number} */ tries) => {
    const input = box.querySelector("input[type=file]");
    if (!(input instanceof HTMLInputElement)) return tries && setTimeout(give, 100, tries - 1);
    input.files = files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  };
  setTimeout(give, 100, 30);
}
