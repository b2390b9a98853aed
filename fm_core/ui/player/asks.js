// Calls to the server: one at a time, and the newest ask is always answered in the end.

const LONGEST_PAUSE = 30; // seconds between two tries

export function createAsks(/** @type {FM.Calls} */ { newest, run, stop, busy, dragging, typing, failed }) {
  let running = false;
  let started = 0;
  let failures = 0;
  let seen = false;
  let timer = 0;
  const isWaiting = () => newest() > started;
  const start = () => {
    clearTimeout(timer);
    if (typing()) return busy(false);
    running = true;
    seen = false;
    started = newest();
    busy(true);
    run(started);
  };
  /** No slider is dragged any more: stop a call that is no longer wanted. */
  const release = () => running && isWaiting() && stop();

  return {
    release,
    /** Something was asked. While a slider is dragged, calls go on until their picture is there. */
    ask() {
      if (!running) start();
      else if (seen || (!dragging() && !typing())) release();
    },
    /** The picture is there; figures follow, if nothing newer was asked. */
    show() {
      seen = true;
      release();
    },
    /** The call has ended. */
    settle() {
      running = false;
      failures = 0;
      if (isWaiting()) start();
      else busy(false);
    },
    /** The server did not answer. Ask again after a pause, which grows from one failure to the next. */
    fail() {
      running = false;
      busy(false);
      const pause = Math.min(2 ** ++failures, LONGEST_PAUSE);
      failed(pause);
      timer = Number(setTimeout(start, 1000 * pause));
    },
    again: start,
  };
}
