// The curve of Var X_t with its band of chance: two standard errors to either side.

/** @param {FM.Theory} theory @param {number} index of the series @param {string} which in words @param {FM.Line} line */
export function theoryLines({ t, values, errors }, index, which, line) {
  const away = (/** @type {number} */ sign) => values[index].map((y, k) => y + sign * 2 * errors[index][k]);
  return [
    line(`theory${which} −`, t, away(-1), "solid", 0, "band"),
    line(`theory${which} +`, t, away(1), "solid", 0, "band"),
    line(`theory${which}`, t, values[index], "dash", 1),
  ];
}
