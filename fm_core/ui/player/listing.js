// A dialog that shows a text file, to copy or to download.
import { find, make, write } from "./dom.js";
import { download } from "./download.js";

const BODY = `<h2></h2><pre tabindex="0" role="region"></pre>
<div class="fm-listing-foot"><button type="button" data-listing="copy">Copy</button>
<button type="button" data-listing="download">Download</button><button type="button" data-listing="close">Close</button>
<span role="status"></span></div>`;

/** @param {HTMLElement} place */
export function createListing(place) {
  const dialog = make("dialog", { className: "fm-listing", innerHTML: BODY });
  const [heading, listing, status] = ["h2", "pre", "[role=status]"].map((selector) => find(dialog, selector));
  /** @type {Record<string, () => unknown>} */
  const actions = {
    copy: async () => write(status, await copy(listing)),
    download: () => download(new Blob([`${listing.textContent}`], { type: "text/x-python" }), `${heading.textContent}`),
    close: () => dialog.close(),
  };
  dialog.addEventListener("click", ({ target }) => {
    if (target instanceof HTMLElement) actions[target.dataset.listing ?? ""]?.();
  });
  place.append(dialog);

  /** @param {string} name @param {string} text */
  return (name, text) => {
    listing.ariaLabel = heading.textContent = name;
    listing.textContent = text;
    write(status, "");
    if (!dialog.open) dialog.showModal();
    listing.focus();
  };
}

/** Copies an element's text, or at least selects it; what to say of it. @param {HTMLElement} element */
async function copy(element) {
  const copied = await navigator.clipboard?.writeText(`${element.textContent}`).then(
    () => true,
    () => false,
  );
  if (copied) return "Copied.";
  getSelection()?.selectAllChildren(element);
  return document.execCommand("copy") ? "Copied." : "The text is selected: Ctrl+C copies it.";
}
