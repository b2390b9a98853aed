// Where a time falls among a side's states, whose times rise from 0 to 1 in steps of any length.

const SAME = 3e-7; // times closer than this are the same: the states' times are rounded to 32 bits, the clock's are not

/** The last state that is not after time t. @param {FM.Times} times @param {number} t */
export function stateAt(times, t) {
  let low = 0;
  let high = times.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (times[middle] <= t + SAME) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The step that contains time t; at the last state, the last step. @param {FM.Times} times @param {number} t */
export function locate(times, t) {
  const state = Math.min(stateAt(times, t), times.length - 2);
  const fraction = (t - times[state]) / (times[state + 1] - times[state]);
  return { state, fraction: Math.min(Math.max(fraction, 0), 1) };
}

/** The time of the next or previous state. @param {FM.Times} times @param {number} t @param {1 | -1} direction */
export function neighbour(times, t, direction) {
  const state = direction > 0 ? stateAt(times, t) + 1 : stateAt(times, t - 2 * SAME);
  return times[Math.min(state, times.length - 1)];
}

/** The places from one time to another: both ends, and at most `count` states in between.
 * @param {FM.Times} times @param {number} from @param {number} to @param {number} count */
export function placesBetween(times, from, to, count = times.length) {
  const first = stateAt(times, from) + 1;
  const last = stateAt(times, to - 2 * SAME); // a state at the end itself is not between
  const stride = Math.ceil((last - first + 1) / count) || 1;
  const places = [locate(times, from)];
  for (let state = first; state <= last; state += stride) places.push({ state, fraction: 0 });
  return [...places, locate(times, to)];
}
