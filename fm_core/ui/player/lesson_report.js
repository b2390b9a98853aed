// The report that a student hands in: predictions, runs, figures and curves, as one HTML file made in the browser.

/** @param {{ id: string, title: string }[]} lessons */
export async function saveReport(lessons) {
  return lessons;
}
