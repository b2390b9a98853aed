// The report as one HTML file: without scripts, and without anything to load.
import { chartOf } from "./lesson_chart.js";
import { escaped } from "./lesson_markup.js";
import { isDone } from "./lesson_progress.js";
import { STYLE } from "./lesson_report_style.js";

/** What the server says of a lesson; its texts are HTML.
 * @typedef {{ question: string, ask: string, choices: { text: string, answer: string, right: boolean }[] }} Content */
/** A lesson in the report; `content` is missing if the server no longer has it.
 * @typedef {{ id: string, title: string, progress: import("./lesson_progress.js").Progress, content?: Content }} Lesson */
/** `page` is the address of the page without parameters; `clean` makes HTML harmless.
 * @typedef {{ name: string, date: Date, page: string, lessons: Lesson[], clean(html: string): string }} Report */

const POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";

/** @param {Date} date */
export function fileName(date) {
  const [month, day] = [date.getMonth() + 1, date.getDate()].map((number) => String(number).padStart(2, "0"));
  return `flow-matching-report-${date.getFullYear()}-${month}-${day}.html`;
}

/** @param {Report} report */
export function reportOf(report) {
  const { name, date, page, lessons } = report;
  const begun = lessons.filter(({ progress }) => isBegun(progress));
  const day = date.toLocaleDateString("en-GB", { day: "numeric", month: "long", year: "numeric" });
  const title = ["Flow matching lessons", name].filter(Boolean).map(escaped).join(" – ");
  const facts = [
    ...(name ? [["Name", escaped(name)]] : []),
    ["Date", escaped(day)],
    ["Lessons done", `${lessons.filter(({ progress }) => isDone(progress)).length} of ${lessons.length}`],
    ["Made with", `<a href="${escaped(page)}">Flow Matching Playground</a>`],
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<header>
<h1>Flow matching lessons</h1>
<dl class="facts">${facts.map(([term, words]) => `<div><dt>${term}</dt><dd>${words}</dd></div>`).join("")}</dl>
</header>
${begun.map((lesson) => lessonOf(lesson, report)).join("\n")}
${remaining(report)}
<footer><p>This report was made in the student's browser, from the predictions and runs that it kept. Its figures can be
checked: each link opens the lesson with the same settings, and the same seed gives the same run.</p></footer>
</main>
</body>
</html>
`;
}

/** @param {import("./lesson_progress.js").Progress} progress */
export const isBegun = ({ choice, notes, runs = {} }) =>
  choice !== undefined || Boolean(notes) || Object.keys(runs).length > 0;

/** @param {Report} report */
function remaining({ lessons, clean }) {
  const left = lessons.filter(({ progress }) => !isBegun(progress));
  if (!left.length) return "";
  const items = left.map(({ id, title }) => `<li value="${escaped(id)}">${clean(title)}</li>`);
  return `<section class="left"><h2>Not done yet</h2><ol>${items.join("")}</ol></section>`;
}

/** @param {Lesson} lesson @param {Report} report */
function lessonOf({ id, title, progress, content }, { page, clean }) {
  const runs = Object.entries(progress.runs ?? {}).map(([k, run]) => runOf(`l${id}-${k}`, run, { id, page, clean }));
  return `<section class="lesson">
<h2><span class="number">${escaped(id)}</span> ${clean(title)}</h2>
${content ? `<div class="question">${clean(content.question)}</div>` : ""}
${predictionOf(progress.choice, content, clean)}
${runs.join("\n") || '<p class="none">No experiment was run.</p>'}
${progress.notes ? `<div class="notes"><h3>In the student's own words</h3><p>${escaped(progress.notes)}</p></div>` : ""}
</section>`;
}

/** @param {number | undefined} choice @param {Content | undefined} content @param {(html: string) => string} clean */
function predictionOf(choice, content, clean) {
  if (choice === undefined) return '<p class="none">No prediction was made.</p>';
  const chosen = content?.choices[choice];
  if (!content || !chosen) return '<p class="none">The prediction is to a question that the lesson no longer has.</p>';
  const [verdict, kind] = chosen.right ? ["Right.", "right"] : ["Not right.", "wrong"];
  return `<div class="prediction ${kind}">
<p class="ask">${clean(content.ask)}</p>
<p><b>Prediction:</b> ${clean(chosen.text)}</p>
<p><b class="verdict">${verdict}</b> ${clean(chosen.answer)}</p>
</div>`;
}

/** @param {string} name of the run in ids @param {import("./lesson_progress.js").Kept} run
 * @param {{ id: string, page: string, clean(html: string): string }} report */
function runOf(name, run, { id, page, clean }) {
  const said = run.said.map((sentence) => `<p>${clean(sentence)}</p>`).join("");
  const list = [...run.about, ...run.settings].map((words) => `<li>${escaped(words)}</li>`).join("");
  const links = [
    [addressOf(page, { ...run.changed, tab: "lessons", lesson: id }), "Open this experiment in the lesson"],
    ...(run.query ? [[addressOf(page, run.query), "Open the run in the playground"]] : []),
  ].map(([href, words]) => `<a href="${escaped(href)}">${words}</a>`);
  return `<article>
<h3>${clean(run.title)}</h3>
${list && `<ul class="settings">${list}</ul>`}
${said && `<div class="conclusion">${said}</div>`}
${figuresOf(name, run)}
<p class="links">${links.join(" · ")}</p>
</article>`;
}

/** @param {string} name @param {import("./lesson_progress.js").Kept} run */
function figuresOf(name, { title, pictures, axes, series }) {
  const shown = pictures.map(({ title, t, image }) => {
    const caption = `${title}${title && ", "}at t = ${Number(t.toFixed(3))}`;
    return `<figure><img src="${escaped(image)}" alt="Picture of the run: ${escaped(caption)}"><figcaption>${escaped(caption)}</figcaption></figure>`;
  });
  const chart = chartOf(name, `Chart: ${axes[1]?.title ?? ""}, ${textOf(title)}`, axes, series);
  if (chart) shown.push(`<figure class="curves">${chart}</figure>`);
  return shown.length ? `<div class="figures">${shown.join("")}</div>` : "";
}

/** Of the page, whatever the parameters are. @param {string} page @param {string | Record<string, string>} parameters */
const addressOf = (page, parameters) => `${page}?${new URLSearchParams(parameters)}`;

/** @param {string} html */
const textOf = (html) => html.replace(/<[^>]*>/g, "");
