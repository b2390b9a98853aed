// The figure of each side of a run, and its row of the table.
import { find, make, write } from "./dom.js";
import { stateAt } from "./time.js";
import { evaluationsOf } from "./transport.js";

const FEW = 10; // steps, between which the figures of the last state are seen to lag behind
const FIGURE =
  '<figcaption></figcaption><canvas role="img"></canvas><p class="fm-variance" aria-hidden="true">variance <i></i> <span></span></p>';

export class Sides {
  figures = /** @type {HTMLElement[]} */ ([]);

  /** @param {HTMLElement} root @param {FM.Scene} scene @param {(event: MouseEvent, index: number) => void} onClick */
  constructor(root, scene, onClick) {
    this.root = root;
    this.scene = scene;
    this.onClick = onClick;
    this.body = find(root, ".fm-numbers tbody", HTMLTableSectionElement);
  }

  /** A figure and a row for each side. @param {FM.Run} run @param {string} subject what moves */
  arrange(run, subject) {
    const { figures, root } = this;
    const { sides } = run;
    while (figures.length > sides.length) figures.pop()?.remove();
    while (figures.length < sides.length) this.addFigure();
    root.classList.toggle("fm-two", sides.length > 1);
    for (const [index, side] of sides.entries()) this.nameFigure(index, side, run, subject);
    this.body.replaceChildren(...sides.map((side, index) => this.row(side, index, run)));
  }

  addFigure() {
    const index = this.figures.length;
    const figure = make("figure", { className: `fm-panel fm-${"ab"[index]}`, innerHTML: FIGURE });
    find(figure, "canvas").onclick = (event) => this.onClick(event, index);
    find(this.root, ".fm-panels").append(figure);
    this.figures.push(figure);
  }

  /** @param {number} index @param {FM.Side} side @param {FM.Run} run @param {string} subject */
  nameFigure(index, side, { source, target, particles, sides }, subject) {
    const name = nameOf(index, sides);
    find(this.figures[index], "figcaption").replaceChildren(make("b", {}, name && `${name} `), side.title);
    const ariaLabel = `${name && `Run ${name}: `}${particles} ${subject}s travelling from ${source} to ${target}: ${side.label}`;
    Object.assign(find(this.figures[index], "canvas"), { ariaLabel });
  }

  /** @param {FM.Side} side @param {number} index @param {FM.Run} run */
  row(side, index, run) {
    const cells = ["", "", ...this.scene.figures(side, 0, run).map(() => "")].map((text) => make("td", {}, text));
    const head = make("th", { scope: "row" }, nameOf(index, run.sides) || "run");
    return make("tr", { className: `fm-${"ab"[index]}` }, head, ...cells);
  }

  /** @param {FM.Run} run @param {number} t */
  draw(run, t) {
    for (const [index, side] of run.sides.entries()) this.drawSide(run, side, index, stateAt(side.t.values, t));
  }

  /** @param {FM.Run} run @param {FM.Side} side @param {number} index @param {number} state */
  drawSide(run, side, index, state) {
    const figures = this.scene.figures(side, state, run);
    const both = figures.map(([, now, end]) => [now, end].filter(Boolean).join(" → "));
    const texts = [`${state} of ${side.steps}`, evaluationsOf(side.nfe, state, side.steps), ...both];
    for (const [column, text] of texts.entries()) write(this.body.rows[index].cells[column + 1], text);
    const [, now, end] = figures[0];
    const when = side.steps > FEW ? "now" : "at the last state";
    write(find(this.figures[index], ".fm-variance i"), when);
    write(find(this.figures[index], ".fm-variance span"), `${now}\nat the end ${end}`);
  }
}

/** Alone, a side has no name. @param {number} index @param {{ length: number }} sides */
const nameOf = (index, { length }) => (length > 1 ? "AB"[index] : "");
