import assert from "node:assert/strict";
import { test } from "node:test";
import { chartOf, scaleOf } from "../../fm_core/ui/player/lesson_chart.js";
import { escaped, markup } from "../../fm_core/ui/player/lesson_markup.js";
import { fewer, isDone, progressOf } from "../../fm_core/ui/player/lesson_progress.js";
import { fileName, reportOf } from "../../fm_core/ui/player/lesson_report_page.js";

const PICTURE = "data:image/webp;base64,UklGRg==";
const LINEAR = { title: "t", log: false, zero: false };
const run = (changes = {}) => ({
  ...{ title: "A run", about: ["Moons"], settings: ["Steps: 10 (usually 50)"], said: ["It ends at <b>0.95</b>."] },
  ...{ changed: { show: "1", steps: "10" }, query: "steps=10", pictures: [{ title: "A", t: 1, image: PICTURE }] },
  axes: [LINEAR, { ...LINEAR, title: "variance" }],
  series: [{ name: "measured", x: [0, 1], y: [1, 2], dash: "solid", side: 0 }],
  ...changes,
});
const content = {
  ...{ question: "<p>What?</p>", ask: "Which?" },
  choices: [
    { text: "Less", answer: "It is not.", right: false },
    { text: "More", answer: "It is.", right: true },
  ],
};
const report = (lessons, name = "") =>
  reportOf({
    name,
    date: new Date(2025, 2, 4),
    page: "https://host/app",
    lessons,
    clean: (html) => `⟨${escaped(html)}⟩`,
  });
const lesson = (progress, more = { content }) => ({ id: "6", title: "Title", progress, ...more });

test("a report has the prediction, what it was told, the conclusions, the settings and the pictures", () => {
  const html = report([lesson({ choice: 0, runs: { 0: run() } }), { id: "7", title: "Later", progress: {} }]);
  for (const part of ["⟨Less⟩", "Not right.</b> ⟨It is not.⟩", "Steps: 10 (usually 50)", PICTURE, "<svg", "1 of 2"])
    assert.ok(html.includes(part), part);
  assert.ok(html.includes("⟨It ends at &lt;b&gt;0.95&lt;/b&gt;.⟩")); // only through the cleaning
  assert.ok(html.includes('href="https://host/app?show=1&amp;steps=10&amp;tab=lessons&amp;lesson=6"'));
  assert.ok(html.includes('href="https://host/app?steps=10"'));
  assert.match(html, /Not done yet<\/h2><ol><li value="7">⟨Later⟩/);
  assert.equal(fileName(new Date(2025, 2, 4)), "flow-matching-report-2025-03-04.html");
});

test("what a student typed is text, and an address leads to the page only", () => {
  const query = '//evil.example/"><script>alert(1)</script>';
  const html = report([lesson({ choice: 1, runs: { 0: run({ query, about: ["<img src=x>"] }) } })], `<b>&"Ada'`);
  assert.ok(html.includes("<dd>&lt;b&gt;&amp;&quot;Ada&#39;</dd>"));
  assert.ok(html.includes("&lt;img src=x&gt;"));
  assert.ok(!html.includes("<script") && !html.includes("<b>&"));
  const links = [...html.matchAll(/(?:href|src)="([^"]*)"/g)].map(([, link]) => link);
  assert.ok(links.every((link) => link.startsWith("https://host/app") || link === PICTURE));
});

test("a report of a lesson that the server no longer has, or without a prediction or a run", () => {
  assert.ok(
    report([lesson({ choice: 1, runs: { 0: run() } }, {})]).includes("a question that the lesson no longer has"),
  );
  assert.ok(report([lesson({ runs: { 0: run() } })]).includes("No prediction was made."));
  assert.ok(report([lesson({ choice: 9 })]).includes("No experiment was run."));
  assert.ok(report([lesson({ notes: "a < b\nso" })]).includes("<p>a &lt; b\nso</p>"));
  assert.ok(report([]).includes("0 of 0"));
});

test("progress keeps its shape when it is read again", () => {
  const progress = { 6: { choice: 1, notes: "mine", runs: { 0: run() } }, 7: { choice: 0 } };
  assert.deepEqual(progressOf(JSON.stringify(progress)), progress);
  assert.ok(isDone(progress[6]) && !isDone(progress[7]) && !isDone(undefined));
});

test("damaged and old progress is left out, and never an error", () => {
  for (const text of ["", "{", "null", "7", '"x"', "[1]", '{"6":null}', '{"6":[]}', '{"__proto__":{"choice":1}}'])
    assert.deepEqual(progressOf(text), {}, text);
  const read = (lesson) => progressOf(JSON.stringify({ 6: lesson }))[6];
  for (const choice of ["length", -1, 0.5, null, {}]) assert.deepEqual(read({ choice }), {}, String(choice));
  assert.deepEqual(read({ runs: { 0: "x", 1: null, a: run(), 2: { said: [] } } }), {});
  const before = { values: { steps: 5 }, said: ["Then."], title: "Old", label: "", picture: PICTURE, link: "?" };
  assert.deepEqual(read({ runs: { 0: before } }).runs[0].said, ["Then."]);
  const series = [{ name: "no", x: [0], y: [1, 2] }, { name: "no", x: ["0"], y: [1] }, { x: [], y: [] }, 5, null];
  const pictures = ["data:image/svg+xml;base64,AAAA", "https://host/x.png", 'data:image/png;base64,"', 4];
  const odd = {
    series,
    pictures: pictures.map((image) => ({ title: "", t: 1, image })),
    changed: { "a&b": "1", c: 2 },
  };
  const { runs } = read({ runs: { 0: run({ ...odd, said: [1, "Yes.", {}], about: "no", axes: [null] }) } });
  const { said, about, axes, changed } = runs[0];
  assert.deepEqual([runs[0].series, runs[0].pictures, said, about, axes, changed], [[], [], ["Yes."], [], [], {}]);
  assert.ok(report([lesson({ runs })]).includes("⟨Yes.⟩"));
});

test("curves are kept with few points, the first and the last among them", () => {
  const kept = fewer(Float32Array.from({ length: 1001 }, (_, k) => k / 1000));
  assert.deepEqual([kept.length, kept[0], kept[50], kept[100]], [101, 0, 0.5, 1]);
  assert.deepEqual(fewer([1.23456, 20000.4]), [1.235, 20000]);
  assert.deepEqual([fewer([3]), fewer([])], [[3], []]);
});

/** The pixels of a chart's lines. */
const points = (svg) =>
  [...svg.matchAll(/polyline class="line (c\d)" points="([^"]*)"([^>]*)/g)].map(([, colour, list, rest]) => ({
    colour,
    dashed: rest.includes("dasharray"),
    at: list.split(" ").map((pair) => pair.split(",").map(Number)),
  }));
const texts = (svg) => [...svg.matchAll(/<text[^>]*>([^<]*)/g)].map(([, text]) => text);

test("a chart of two sides: two colours, theory dashed, labelled axes that hold every point", () => {
  const side = (k) => [
    { name: `${"AB"[k]} measured`, x: [0, 0.5, 1], y: [1, 0.5 + k, 0.95], dash: "solid", side: k },
    { name: `${"AB"[k]} theory`, x: [0, 1], y: [1, 1], dash: "dash", side: k },
  ];
  const axes = [LINEAR, { title: "variance <x>", log: false, zero: true }];
  const svg = chartOf("r", 'Chart "1"', axes, [...side(0), ...side(1)]);
  const lines = points(svg);
  assert.deepEqual(
    lines.map(({ colour, dashed }) => [colour, dashed]),
    [
      ["c0", false],
      ["c0", true],
      ["c1", false],
      ["c1", true],
    ],
  );
  const [left, low] = [lines[0].at[0][0], lines[2].at[1][1]];
  assert.equal(left, lines[1].at[0][0]);
  assert.ok(low < lines[0].at[0][1]); // 1.5 is above 1
  for (const [x, y] of lines.flatMap(({ at }) => at)) assert.ok(x >= 0 && x <= 400 && y >= 0 && y <= 230);
  for (const label of ["0", "0.5", "1", "1.5", "t", "variance &lt;x&gt;"]) assert.ok(texts(svg).includes(label), label);
  assert.ok(svg.includes('<title id="r-title">Chart &quot;1&quot;</title>'));
  assert.ok(svg.includes("A measured: 1 at t = 0, then 0.5 at t = 0.5, then 0.95 at t = 1."));
  assert.equal(svg.split("<li>").length, 5);
});

test("the ends of axes are ticks around all values, also of logarithms and of a constant", () => {
  const ends = (values, axis) => {
    const { low, high, ticks, place } = scaleOf(values, { ...LINEAR, ...axis }, 0, 100);
    assert.deepEqual([place(low), Math.round(place(high))], [0, 100]);
    return [low, high, ticks.length];
  };
  assert.deepEqual(ends([0.48, 0.97], {}), [0.4, 1, 7]);
  assert.deepEqual(ends([0.48, 0.97], { zero: true }), [0, 1, 6]);
  assert.deepEqual(ends([-3, 3], { zero: true }), [-4, 4, 5]);
  assert.deepEqual(ends([1, 100], { log: true }), [1, 100, 7]);
  assert.deepEqual(ends([0.03, 4], { log: true }), [0.02, 5, 8]);
  assert.deepEqual(ends([1], {}), [0.4, 1.6, 7]);
  assert.equal(chartOf("r", "", [], []), "");
  const [line] = points(
    chartOf("r", "", [{ ...LINEAR, log: true }], [{ name: "", x: [0, 1, 10], y: [1, 2, 3], dash: "solid", side: 9 }]),
  );
  assert.equal(line.at.length, 2); // no logarithm of 0
  assert.equal(line.colour, "c3");
});

const text = (nodeValue) => ({ nodeType: 3, nodeName: "#text", nodeValue, childNodes: [] });
const element = (nodeName, attributes, ...childNodes) => ({
  ...{ nodeType: 1, nodeName, nodeValue: null, childNodes },
  getAttribute: (name) => attributes[name] ?? null,
});

test("HTML is written anew: emphasis and formulas stay, scripts, handlers, links and pictures go", () => {
  const body = element(
    "BODY",
    { onload: "x" },
    element("B", { onclick: "x", style: "x" }, text('1 < 2 & "3"')),
    element("SCRIPT", {}, text("alert(1)")),
    element("IMG", { src: "x", onerror: "x" }),
    element("A", { href: "javascript:x" }, text("link"), element("BR", {})),
    element("math", { alttext: '"x<1', href: "javascript:x" }, element("mi", {}, text("x"))),
    { nodeType: 8, nodeName: "#comment", nodeValue: "--><script>", childNodes: [] },
  );
  const expected = '<b>1 &lt; 2 &amp; &quot;3&quot;</b>link<br><math alttext="&quot;x&lt;1"><mi>x</mi></math>';
  assert.equal(markup(body), expected);
});
