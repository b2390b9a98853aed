// The sentences beneath the title of one run, by phase and by the condition that they need: sentence.js says the first
// that fits. Those of two runs are in sentences_compared.js.
//
// *Stars* make words strong. Braces hold one of the WORDS of sentence_words.js. To add a case, add a sentence here,
// and its condition in sentence_conditions.js.

/** @typedef {Record<"start" | "way" | "middle" | "late" | "end", Record<string, string>>} Table */

const RELU = "A point that is too far right or too high *cannot come back*: a ReLU gives no arrow to the left or down.";
const ONE_STEP = "One step has only two states, its start and its end; *in between, the player draws straight lines*.";
const UNSEEN =
  "*A network for one step, asked {evaluations, times}:* it was trained at t = 0 alone, so its later arrows mean nothing.";
const ALONE =
  "*Noise without its correction:* variance {now}, theory says {theory}. Nothing takes back what it spreads.";
const ALONE_AT_END =
  "*Noise without its correction:* variance {now}, the data's is {var X₁}. Nothing took back what it spread.";
const JUMPS = "*{jumps done}:* variance {now}; {origin} {var X₀}, data {var X₁}.";

/** @type {Table} */
export const POINTS = {
  start: {
    relu: "*{things}, and a network that ends in a ReLU:* no output is negative, so no point can move left or down.",
    guessing: "*{things}, and a network for one step:* trained at t = 0 alone, it has learned one arrow for each x₀.",
    unseen: UNSEEN,
    alone: "*{things}, and noise at every step*, {noise}: no correction of the drift takes back what it spreads.",
    noisy:
      "*{things}, and noise at every step*, {noise}: a correction of the drift takes back what it spreads, on average.",
    few: "*Only {steps}:* {things} head for {target} in {straight jumps}.",
    exact: "*{things}, but no network:* a formula gives the exact velocity at every place and time.",
    matched: "*{things}.* The network was trained on pairs matched by optimal transport: their lines hardly cross.",
    elsewhere: "*Not from noise:* these {things} start from {source}, and a network will push them to {target}.",
    else: "*{things}.* A network will push each one, step by step, towards {target}.",
  },
  way: {
    relu: "The points drift *only to the right and up*: with a ReLU as last layer, the network has no other arrows.",
    guessing:
      "*All points head for one place:* pairs were drawn by chance, so the average x₁ is the same for every x₀.",
    unseen: UNSEEN,
    alone: ALONE,
    noisy:
      "Each point goes *its own random way*, pushed by {arrows} and by noise: variance {now}, theory says {theory}.",
    one: "*Every point goes straight to its end:* with one step, nothing corrects its course.",
    few: "*Each step is straight:* the course of a point is corrected only {corrections} on its way to {target}.",
    straight: "{arrows} take {things} to {target} on *nearly straight paths*: straightness {straightness}, at most 1.",
    shrinks: "{arrows} push {things} towards {target}; *the cloud shrinks*: variance {now}, at the start {first}.",
    grows: "{arrows} push {things} towards {target}; *the cloud grows*: variance {now}, at the start {first}.",
    else: "{arrows} push {things} towards {target}; *the cloud keeps its width*: variance {now}.",
  },
  middle: {
    relu: RELU,
    unseen: UNSEEN,
    one: ONE_STEP,
    alone: ALONE,
    few: JUMPS,
    dips: "Around halfway, the cloud is *narrower than both {origin} and data*: variance {now} against {both variances}.",
    level: "*The cloud keeps its width* all the way: variance {now}; {origin} {var X₀}, data {var X₁}.",
    dipless: "*No dip:* on its way from {var X₀} to {var X₁}, the variance never falls below both. Now it is {now}.",
    else: "Around halfway, the variance of the cloud is {now}; {origin} {var X₀}, data {var X₁}.",
  },
  late: {
    relu: RELU,
    unseen: UNSEEN,
    one: ONE_STEP,
    alone: ALONE,
    few: JUMPS,
    straight: "The paths stay *nearly straight*, so a few steps would do: straightness {straightness}, at most 1.",
    spreads: "{movers} now *spread the points over {target}*: variance {now}, the data's is {var X₁}.",
    gathers: "{movers} now *gather the points on {target}*: variance {now}, the data's is {var X₁}.",
    else: "*Almost there:* variance {now}, the data's is {var X₁}.",
  },
  end: {
    missed:
      "*{far} of the points miss:* they end over a tenth of the data's spread from where the exact flow takes them.",
    unseen:
      "*This network was trained to be asked once, not {evaluations, times}:* variance {now}, the data's is {var X₁}.",
    guessed:
      "*All points end almost in one place*, the mean of the data: for one step, the average of all x₁ is the best guess.",
    collapsed:
      "*All points end almost in one place:* with one step, each follows its first arrow to the mean of the data.",
    widened:
      "*Too wide without the correction*, on the exact field as well ({exact}): variance {now}, the data's is {var X₁}.",
    "widened, exact": "*Too wide without the correction*, on the exact field: variance {now}, the data's is {var X₁}.",
    alone: ALONE_AT_END,
    unmeasured:
      "*Done in {steps}*{cost}: variance {now}, the data's is {var X₁}. The distance to the data is being measured.",
    coarse:
      "*Not quite there, because of the steps:* variance {now}, the data's is {var X₁}; on the exact field it is {exact}.",
    close: "*{jumps come} close to {target}*{cost}: {distance}.",
    few: "*{jumps miss} {target}*{cost}: {reason}.",
    exact: "*Done in {steps} on the exact field:* {distance}. The rest is the solver's error, and chance.",
    straight: "*Straightness {straightness}:* paths like these can be followed in a few steps. At the end, {distance}.",
    strays: "*Done in {steps}, near the data:* {figure}. But {far} of the points end elsewhere than on the exact flow.",
    fits: "*Done in {steps}:* the points lie where the data live; {distance}.",
    else: "*Done in {steps}, but not quite there:* {reason}.",
  },
};

/** @type {Table} */
export const IMAGES = {
  start: {
    alone: "*{things}, and more of it at every step*, {noise}: no correction of the drift takes back what it spreads.",
    noisy:
      "*{things}, and more of it at every step*, {noise}: a correction of the drift takes back what it spreads, on average.",
    few: "*Only {steps}* from {origin} to digits: all 784 pixels of an image jump at once.",
    alike: "*{things}, without any noise:* the flow draws nothing, so all of them will take the same way.",
    clean: "*{things}, without any noise.* A network will turn clothes into digits, step by step.",
    clothes: "*{things}*, with some noise mixed in. A network will turn clothes into digits, step by step.",
    else: "*{things}.* A network will change their pixels, step by step, until digits appear.",
  },
  way: {
    alone: ALONE,
    one: "*Every pixel goes straight to its end:* with one step, nothing corrects its course.",
    few: "*Each step is straight:* the course of the pixels is corrected only {corrections} on the way to digits.",
    translated:
      "*The clothes dissolve*, and in the ends that the network predicts, the classifier reads digits, {sure} sure.",
    read: "Mostly noise so far, but *the network predicts the ends*: there the classifier reads digits, {sure} sure.",
    clothes: "*The clothes dissolve* on their way to digits.",
    else: "*The noise fades* on its way to digits.",
  },
  middle: {
    one: ONE_STEP,
    alone: ALONE,
    few: JUMPS,
    translated: "*Neither clothes nor digits*, but in the predicted ends the classifier reads digits, {sure} sure.",
    clothes: "*Neither clothes nor digits*, but something of both.",
    dips: "Strokes appear, but *contrast is low*: variance {now}, where {origin} and digits both have {var X₁}.",
    else: "*Strokes appear* out of the noise: variance {now}, where {origin} and digits both have {var X₁}.",
  },
  late: {
    one: ONE_STEP,
    alone: ALONE,
    few: JUMPS,
    noisy: "*The noise of each step gets weaker*, and fades at t = 1: variance {now}, real digits have {var X₁}.",
    read: "The shapes are settled, *the last steps sharpen them*. The classifier is {sure} sure of the digits to come.",
    else: "The shapes are settled, *the last steps sharpen them*.",
  },
  end: {
    alone: ALONE_AT_END,
    "blurred, by class":
      "*One step gives a blur:* the first prediction can only be an average, over all digits that the picture may become.",
    blurred:
      "*One step gives a blur:* pairs were drawn by chance, so the first prediction can only be the average digit.",
    brief:
      "*Done in only {steps}:* variance {now}, real digits have {var X₁}; the classifier is {sure} sure of what it reads.",
    few: "*Done in only {steps}:* variance {now}, real digits have {var X₁}.",
    alike: "*All draws end alike:* without noise, one picture is one start, and one start has one end.",
    right: "*{right} became the right digit*, that of their class, as in training. The classifier is {sure} sure.",
    "by class": "*The clothes became digits*; which is right is decided by their class. The classifier is {sure} sure.",
    translated: "*The clothes became digits*; there is no right digit for a coat. The classifier is {sure} sure.",
    read: "*Done in {steps}:* digits that nobody wrote. On average, the classifier is {sure} sure of what it reads.",
    clothes:
      "*The clothes became digits.* There is no right digit for a coat: in training, pairs were drawn by chance.",
    else: "*Done in {steps}:* digits that nobody wrote.",
  },
};

/** @type {Table} */
export const PERFECT = {
  start: {
    alone: IMAGES.start.alone,
    noisy: IMAGES.start.noisy,
    few: IMAGES.start.few,
    handed: "*{things}, and two fields:* until t = {until}, a formula moves them; from then on, the network.",
    local: "*{things}, but no network:* each pixel follows the training digits that fit the {window} around it.",
    else: "*{things}, but no network:* a formula gives the exact velocity, as if the training digits were all there are.",
  },
  way: {
    alone: ALONE,
    one: IMAGES.way.one,
    few: IMAGES.way.few,
    handed: "*Until t = {until} the formula, then the network:* variance {now}; {origin} {var X₀}, digits {var X₁}.",
    read: "Mostly noise so far, but in the ends that *the formula predicts*, the classifier reads digits, {sure} sure.",
    else: IMAGES.way.else,
  },
  middle: {
    one: ONE_STEP,
    alone: ALONE,
    few: JUMPS,
    dips: IMAGES.middle.dips,
    else: IMAGES.middle.else,
  },
  late: IMAGES.late,
  end: {
    alone: ALONE_AT_END,
    blurred: IMAGES.end.blurred,
    brief: IMAGES.end.brief,
    few: IMAGES.end.few,
    handed: "*Done in {steps}*, the first by the formula, those from t = {until} on by the network: variance {now}.",
    local: "*Done in {steps}:* put together from pieces of training digits, {window} each. Variance {now}.",
    copies: "*Done in {steps}: copies.* The exact flow leads every noise to one of the training digits.",
    else: "*Done in {steps}:* training digits again, beneath the noise that the last steps added. Variance {now}.",
  },
};

const AVERAGE =
  "Each pair has its own velocity, α′ x₀ + β′ x₁: *where paths cross, a network can only learn their average*.";
const STRAY = "The path ends at *{end}*, not at data, which would be x₁: variance {now}, at the start {first}.";

/** @type {Table} */
export const PAIRS = {
  start: {
    matched: "*Pairs, no network:* {things}, each matched with a point of {target} by optimal transport in {groups}.",
    else: "*Pairs, no network:* {things}, each with a point of {target} as its partner, drawn by chance.",
  },
  way: {
    stray: STRAY,
    else: "Each point heads for its own partner: *two of the straight lines between them cross in {crossing} of all cases*.",
  },
  middle: {
    stray: STRAY,
    one: ONE_STEP,
    few: "*Shown at the ends of {steps}:* variance {now} at the last of them; {origin} {var X₀}, data {var X₁}.",
    dips: POINTS.middle.dips,
    level: POINTS.middle.level,
    dipless: POINTS.middle.dipless,
    else: POINTS.middle.else,
  },
  late: {
    stray: STRAY,
    else: AVERAGE,
  },
  end: {
    stray: "*The points have not become data:* X₁ = {end}, but a path from {origin} to data ends at X₁ = x₁.",
    unmeasured: "*Each point is at its partner*, a point of {target}: variance {now}, the data's is {var X₁}.",
    else: "*Each point is at its partner*, so together they are data: {distance}.",
  },
};
