// The address of a lesson.
import { addressOf, show } from "./address.js";

/** The address of a lesson, with what was changed in its experiments; what the address hides stays hidden.
 * @param {string} lesson @param {Record<string, string>} changed */
export function showLesson(lesson, changed, push = false) {
  const hide = new URLSearchParams(location.search).get("hide");
  const parameters = { tab: "lessons", lesson, ...(hide ? { hide } : {}), ...changed };
  show("lessons", addressOf("", parameters, location), push);
}
