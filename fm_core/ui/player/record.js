// Frames as a video, recorded by the browser while they are shown in real time.

const TYPES = ["video/mp4;codecs=avc1", "video/webm;codecs=vp9", "video/webm"];
const BITS = 8_000_000; // a second
const FRAME = 1000 / 30; // milliseconds
const REST = 1000; // milliseconds for which the last frame is shown
const LONGEST = 100; // milliseconds between two frames that count, so that a busy page makes the video no longer

/** The first of the types that this browser can record. */
function type() {
  if (!globalThis.MediaRecorder || !("captureStream" in HTMLCanvasElement.prototype)) return undefined;
  return TYPES.find((name) => MediaRecorder.isTypeSupported(name));
}

export const canRecord = () => type() !== undefined;

/** The ending of a video's file. */
export const videoEnding = () => (type()?.startsWith("video/mp4") ? "mp4" : "webm");

/** @param {HTMLCanvasElement} canvas @param {(t: number) => void} show paints the canvas at time t
 * @param {import("./gif.js").Options} options @returns {Promise<Blob>} */
export async function record(canvas, show, { milliseconds, progress, signal }) {
  const stream = canvas.captureStream();
  const recorder = new MediaRecorder(stream, { mimeType: type(), videoBitsPerSecond: BITS });
  const parts = /** @type {Blob[]} */ ([]);
  recorder.ondataavailable = ({ data }) => parts.push(data);
  const { promise: ended, resolve, reject } = Promise.withResolvers();
  Object.assign(recorder, { onstop: resolve, onerror: () => reject(new Error("the browser stopped recording")) });
  const wait = () => (document.hidden ? recorder.pause() : recorder.resume()); // a hidden page paints nothing
  document.addEventListener("visibilitychange", wait);
  try {
    recorder.start();
    await play(show, milliseconds, progress, signal);
  } finally {
    document.removeEventListener("visibilitychange", wait);
    if (recorder.state !== "inactive") recorder.stop();
    await ended;
    for (const track of stream.getTracks()) track.stop();
  }
  return new Blob(parts, { type: recorder.mimeType });
}

/** Show from t = 0 to t = 1 in real time, and rest there. @param {(t: number) => void} show @param {number} milliseconds
 * @param {((done: number) => void) | undefined} progress @param {AbortSignal | undefined} signal */
async function play(show, milliseconds, progress, signal) {
  let [elapsed, shown] = [0, -Infinity];
  let before = await nextFrame();
  while (elapsed < milliseconds + REST) {
    signal?.throwIfAborted();
    if (elapsed - shown > FRAME - 4) {
      show(Math.min(1, elapsed / milliseconds));
      shown = elapsed;
      progress?.(elapsed / (milliseconds + REST));
    }
    const now = await nextFrame();
    elapsed += Math.min(now - before, LONGEST);
    before = now;
  }
}

/** The browser's next frame, its time in milliseconds. @returns {Promise<number>} */
const nextFrame = () => new Promise((done) => requestAnimationFrame(done));
