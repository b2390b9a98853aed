// The sentences beneath the title of two runs, as in sentences.js. {a} and {b} are the sides' names, in their colours;
// WORDS are of side B after "b.", else of side A.

/** @typedef {import("./sentences.js").Table} Table */

const VARIANCES = "*Variance now:* {a} {now}, {b} {b.now}; {origin} {var X₀}, data {var X₁}.";
const STRAIGHTNESS = "*How straight the paths are so far*, at most 1: {a} {straightness}, {b} {b.straightness}.";
const CONFIDENCE = "*How sure the classifier is* of the digits in the predicted ends: {a} {sure}, {b} {b.sure}.";

/** @type {Table} */
export const COMPARED = {
  start: {
    same: "Both runs start from *the same {things}* and have the same settings, so they stay the same.",
    single: "Both runs start from *the same {things}*; only {what} differs: {a} and {b}.",
    else: "Both runs start from *the same {things}*; {a} and {b} differ in {what}.",
  },
  way: {
    redrawn: "Other steps draw *other noise*, so compare the crowds, not the paths: variance {a} {now}, {b} {b.now}.",
    steps:
      "Between two states everything moves straight: *few steps cut the corners* of the true paths. {a} against {b}.",
    cost: "*The same cost, {evaluations}:* {a} spends them on {steps}, {b} on {b.steps}.",
    solver: "{a} evaluates the field {evaluations, times}, {b} {b.evaluations, times}, both *in {steps}*.",
    bounded: "{a} against {b}: *with a ReLU as last layer, no point can move left or down*.",
    approximate: "{a} against {b}: {alike} are the same, so *every difference is the network's error*.",
    "one guessing": "{a} against {b}: in one step, the best that a network can do is *the average of all x₁*.",
    "one unseen": "{a} against {b}: one of them was *trained at t = 0 alone*, so its later arrows mean nothing.",
    pairing: STRAIGHTNESS,
    read: CONFIDENCE,
    noise: "*Other paths, but the same crowd?* Variance now: {a} {now}, {b} {b.now}; theory says {theory} for both.",
    else: VARIANCES,
  },
  middle: {
    else: "*Variance around halfway:* {a} {now and dip}, {b} {b.now and dip}; {origin} {var X₀}, data {var X₁}.",
  },
  late: {
    pairing: STRAIGHTNESS,
    read: CONFIDENCE,
    else: VARIANCES,
  },
  end: {
    same: "Both runs end alike, because *their settings are the same*.",
    "all guessed":
      "{a} and {b}: *all points end almost in one place*, the mean of the data. Training for one step does not help.",
    apart:
      "{a} and {b}: *points typically end {median} of the data's spread from their twins*; {far} of them end over 10% away.",
    pairing:
      "*Straightness:* {a} {straightness}, {b} {b.straightness}. The straighter the paths, the fewer steps are needed.",
    "both right": "*How many became the digit of their class:* {a} {right}, {b} {b.right}.",
    right: "*{right} became the digit of their class* with {a}; with {b}, no digit is the right one.",
    "b right": "With {a}, no digit is the right one; with {b}, *{b.right} became that of their class*.",
    "both alike": "With {a} as with {b}, *all draws end alike*, because no noise tells them apart.",
    "only a alike": "With {a}, *all draws end alike*, because no noise tells them apart; with {b}, they differ.",
    "only b alike":
      "With {a}, the ends of the draws differ; with {b}, *all end alike*, because no noise tells them apart.",
    read: "*How sure the classifier is:* {a} {sure}, {b} {b.sure}. Variance {now} and {b.now}; real digits have {var X₁}.",
    images: "*Variance at the end:* {a} {now}, {b} {b.now}; real digits have {var X₁}.",
    "one widened":
      "*Noise without its correction* ends too wide, on the exact field as well: {a} {now}, {b} {b.now}; data {var X₁}.",
    narrower: "With {a}, *α² + β² falls below 1 on the way*, and with it the variance; with {b}, it stays 1.",
    wider: "With {a}, *α² + β² stays 1*; with {b}, it falls below 1 on the way, and with it the variance.",
    cost: "*The same cost, {evaluations}:* variance {a} {now}, {b} {b.now}; the data's is {var X₁}.",
    unmeasured:
      "*Variance at the end:* {a} {now}, {b} {b.now}; data {var X₁}. The distance to the data is being measured.",
    "noise agrees": "*Other paths, other ends, the same crowd:* distance W₂: {a} {W₂}, {b} {b.W₂}; {fresh}.",
    agree: "*Both end near the data*, only the way there differed: distance W₂ {W₂} and {b.W₂}; {fresh}.",
    else: "{a}: *{verdict}*, {figure}; {b}: *{b.verdict}*, {b.figure}.",
  },
};

const CROSSINGS = "*How often two straight lines between partners cross:* {a} {crossing}, {b} {b.crossing}.";
const LENGTHS = "*Mean squared distance between partners:* {a} {distance²}, {b} {b.distance²}.";
const NOW = "*Variance now:* {a} {now}, {b} {b.now}; at the start {first}.";

/** @type {Table} */
export const COMPARED_PAIRS = {
  start: {
    same: COMPARED.start.same,
    single: "*The same {things}*, the same data; only {what} differs: {a} and {b}.",
    else: "*The same {things}*, the same data; {a} and {b} differ in {what}.",
  },
  way: {
    pairing: CROSSINGS,
    else: NOW,
  },
  middle: {
    pairing: LENGTHS,
    stray: "*Variance around halfway:* {a} {now}, {b} {b.now}; at the start {first}.",
    else: COMPARED.middle.else,
  },
  late: {
    pairing: CROSSINGS,
    else: NOW,
  },
  end: {
    same: COMPARED.end.same,
    stray: "*Where the paths end:* {a} at {end}, {b} at {b.end}. Data are x₁ alone.",
    narrower: COMPARED.end.narrower,
    wider: COMPARED.end.wider,
    pairing:
      "Both end at *the same points of the data*, but from other starts: squared distance {distance²} and {b.distance²}.",
    steps: "Both end at *the same points of the data*; their paths are the same too, shown at other times.",
    else: "Both end at *the same points of the data*; {what} made the difference on the way.",
  },
};
