// The clock that drives the player: t from 0 to 1, a rest at the end, then again.

const DURATION = 5000; // milliseconds from t = 0 to t = 1 at speed 1
const PAUSE_AT_END = 1200;
const LONGEST_FRAME = 100; // so that time does not jump after the tab was hidden

export class Clock {
  t = 0;
  playing = false;
  rest = 0;
  last = 0;

  set(/** @type {number} */ t, /** @type {boolean} */ playing) {
    this.t = Math.min(Math.max(t, 0), 1);
    this.playing = playing;
    this.rest = 0;
  }

  /** Advances at each frame; true if anything changed. @param {number} now @param {FM.Options} options */
  tick(now, { speed, loop }) {
    const elapsed = this.last && Math.min(now - this.last, LONGEST_FRAME);
    this.last = now;
    if (!this.playing) return false;
    if (this.t < 1) this.set(this.t + (elapsed * speed) / DURATION, true);
    else if (!loop) this.set(1, false);
    else if (this.rest > PAUSE_AT_END) this.set(0, true);
    else this.rest += elapsed;
    return this.rest === 0;
  }
}
