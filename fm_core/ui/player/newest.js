// Asking for the newest of what is wanted, one at a time.

/** A function that asks for the newest it was given, once the one before is answered and a pause is over.
 * @template T @param {(wanted: T) => Promise<void>} ask which does not fail @param {number} pause milliseconds */
export function newestOf(ask, pause) {
  let wanted = /** @type {T | null} */ (null);
  let running = false;
  const run = async () => {
    for (running = true; wanted !== null; await new Promise((done) => setTimeout(done, pause))) {
      const now = wanted;
      wanted = null;
      await ask(now);
    }
    running = false;
  };
  return (/** @type {T} */ value) => {
    wanted = value;
    if (!running) run();
  };
}
