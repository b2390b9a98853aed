// The conditions that sentences are chosen by.
import { isAlone, isNoisy } from "./noise.js";
import { differencesOf, onlyIn } from "./sentence_differences.js";
import {
  dips,
  ends,
  fits,
  isCoarse,
  isCollapsed,
  isDipless,
  isExact,
  isForOneStep,
  isNoise,
  isRead,
  isRelu,
  isStray,
  isTranslation,
  isUnmeasured,
  isWidened,
  last,
  mapErrorOf,
} from "./sentence_look.js";

/** @typedef {import("./sentence_look.js").Look} Look */

const FEW = 5; // steps that are called jumps
const STRAYS = 0.05; // of the points, which end elsewhere than on the exact flow, are worth a word

/** Whether α² + β² falls below 1 on the way of a side, which only the schedule tells from the other: seen where source
 * and data are equally wide, for there it is the curve of theory over its start. @param {Look[]} looks @param {number} index */
function isNarrower(looks, index) {
  const [narrow, wide] = [looks[index], looks[1 - index]].map(({ side }) => side.theory.values[0]);
  const level = [...ends(narrow), ...wide].every((value) => Math.abs(value / narrow[0] - 1) < 0.05);
  const kept = looks.every(({ side }) => !isAlone(side));
  return kept && level && Math.min(...narrow) < 0.9 * narrow[0] && onlyIn(looks[0].run, "schedule");
}

/** Of side A and of both, in the order of the sentences.
 * @type {Record<string, (look: Look, looks: Look[]) => unknown>} */
export const CONDITIONS = {
  relu: ({ side }) => isRelu(side),
  guessing: ({ side }) => isForOneStep(side) && side.nfe === 1 && side.coupling !== "ot",
  unseen: ({ side }) => isForOneStep(side) && side.nfe > 1,
  noisy: ({ side }) => isNoisy(side),
  alone: ({ side }) => isAlone(side),
  coarse: (look) => isCoarse(look) && !isExact(look.side),
  widened: (look) => isWidened(look) && !isExact(look.side),
  "widened, exact": (look) => isWidened(look),
  one: ({ side }) => side.steps === 1,
  few: ({ side }) => side.steps <= FEW,
  exact: ({ side }) => isExact(side),
  matched: ({ side }) => side.coupling === "ot",
  elsewhere: ({ run }) => !isNoise(run),
  straight: ({ side }) => side.coupling === "ot" && last(side.statistics.straightness ?? [0]) > 0.95,
  shrinks: ({ shown, variance }) => last(shown) < 0.95 * variance[0],
  grows: ({ shown, variance }) => last(shown) > 1.05 * variance[0],
  stray: (_, looks) => looks.some(({ side }) => isStray(side)),
  dips,
  level: ({ variance }) => Math.max(...variance) < 1.1 * Math.min(...variance),
  dipless: isDipless,
  spreads: ({ shown, variance }) => last(variance) > 1.07 * shown[0],
  gathers: ({ shown, variance }) => last(variance) < 0.93 * shown[0],
  missed: ({ side, run }) => isRelu(side) && mapErrorOf(run),
  guessed: (look) => isForOneStep(look.side) && isCollapsed(look),
  collapsed: isCollapsed,
  close: (look) => look.side.steps <= FEW && fits(look),
  strays: (look) => fits(look) && !isNoisy(look.side) && (look.side.flow_map?.far ?? 0) >= STRAYS,
  fits,
  handed: ({ side: { until = 1 } }) => until < 1,
  local: ({ side }) => side.window,
  copies: ({ side }) => !side.noise,
  "both right": (_, looks) => looks.every(({ side }) => side.right),
  right: ({ side }) => side.right,
  "b right": (_, looks) => looks[1].side.right,
  "by class": ({ side }) => side.training === "by-class",
  alike: ({ run, side }) => isTranslation(run) && side.source_noise === 0 && (run.draws ?? 1) > 1,
  "both alike": (_, looks) => looks.every((look) => CONDITIONS.alike(look, [look])),
  "only a alike": (_, [a, b]) => CONDITIONS.alike(a, [a]) && !CONDITIONS.alike(b, [b]),
  "only b alike": (_, [a, b]) => !CONDITIONS.alike(a, [a]) && CONDITIONS.alike(b, [b]),
  clean: ({ run, side }) => isTranslation(run) && side.source_noise === 0,
  clothes: ({ run }) => isTranslation(run),
  translated: ({ run }) => isTranslation(run) && isRead(run),
  read: ({ run }) => isRead(run),
  "blurred, by class": (look, looks) => look.side.training === "by-class" && CONDITIONS.blurred(look, looks),
  blurred: ({ side, variance, data }) => side.steps === 1 && last(variance) < 0.5 * data,
  brief: ({ side, run }) => side.steps <= FEW && isRead(run),
  unmeasured: ({ run }) => isUnmeasured(run),
  narrower: (_, looks) => isNarrower(looks, 0) && looks[0].run.kind === "points",
  wider: (_, looks) => isNarrower(looks, 1) && looks[0].run.kind === "points",
  same: ({ run }) => onlyIn(run, ""),
  single: ({ run }) => differencesOf(run).length === 1,
  redrawn: ({
    run: {
      sides: [a, b],
    },
  }) => isNoisy(a) && isNoisy(b) && a.steps !== b.steps,
  noise: ({ run }) => onlyIn(run, "noise"),
  "one widened": ({ run }, looks) => onlyIn(run, "noise") && looks.some(isWidened),
  "noise agrees": ({ run }, looks) => run.sides.some(isNoisy) && looks.every(fits),
  steps: ({ run }) => onlyIn(run, "steps"),
  cost: ({ run }) => onlyIn(run, "solver") && run.sides[0].nfe === run.sides[1].nfe,
  solver: ({ run }) => onlyIn(run, "solver"),
  bounded: ({ run }) => onlyIn(run, "velocity") && run.sides.some(isRelu),
  approximate: ({ run }) => onlyIn(run, "velocity") && run.sides.some(isExact),
  apart: ({ run }) => onlyIn(run, "velocity") && run.sides.some(isExact) && mapErrorOf(run),
  "all guessed": ({ run }, looks) =>
    looks.every(isCollapsed) && run.sides.some(isForOneStep) && onlyIn(run, "velocity"),
  "one guessing": ({ run }) =>
    onlyIn(run, "velocity") && run.sides.some((side) => isForOneStep(side) && side.nfe === 1),
  "one unseen": ({ run }) => onlyIn(run, "velocity") && run.sides.some((side) => isForOneStep(side) && side.nfe > 1),
  pairing: ({ run }) => onlyIn(run, "coupling") || onlyIn(run, "group"),
  images: ({ run }) => run.kind !== "points",
  agree: (_, looks) => looks.every(fits),
  else: () => true,
};
