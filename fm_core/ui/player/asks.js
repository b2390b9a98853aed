// Calls to the server: one at a time, and the newest ask is always answered in the end.

export function createAsks(/** @type {FM.Calls} */ { newest, run, stop, busy, dragging }) {
  let running = false;
  let started = 0;
  const isWaiting = () => newest() > started;
  const start = () => {
    running = true;
    started = newest();
    busy(true);
    run(started);
  };
  /** No slider is dragged any more: stop a call that is no longer wanted. */
  const release = () => running && isWaiting() && stop(newest());

  return {
    release,
    /** Something was asked. While a slider is dragged, calls go on, for the pictures in between. */
    ask() {
      if (!running) start();
      else if (!dragging()) release();
    },
    /** The call has ended, whether it succeeded or not. */
    settle() {
      running = false;
      if (isWaiting()) start();
      else busy(false);
    },
  };
}
