// A call to the server: a stream of messages, each a line of JSON and as many bytes as its "bytes" says.

const SILENCE = 20_000; // milliseconds without a message, after which the server counts as gone
const visitor = Math.random().toString(36).slice(2); // one run at a time is computed for each,
const nameOf = (/** @type {string} */ tab) => (tab === "probe" ? `${visitor}-probe` : visitor); // and a probe meanwhile
const NEWLINE = 10;

/** Why the server gives no answer: a sentence for the person. */
export class Refused extends Error {}

/** Ask for the run of a tab's values, or a file of it, and hear the messages until the last. Throws if the call fails, if
 * it is aborted, and Refused. @param {string} tab @param {string} want @param {Record<string, unknown>} values
 * @param {AbortSignal} signal @param {(message: FM.Message) => void} hear */
export async function call(tab, want, values, signal, hear) {
  const silence = new AbortController();
  const listen = () => setTimeout(() => silence.abort(), SILENCE);
  let timer = listen();
  try {
    const response = await fetch(new URL(`fm/${tab}`, document.baseURI), {
      method: "POST",
      body: JSON.stringify({ visitor: nameOf(tab), want, values }),
      signal: AbortSignal.any([signal, silence.signal]),
    });
    if (!response.ok || !response.body) throw new Error(`The server answered ${response.status}.`);
    for await (const message of messages(response.body.getReader())) {
      clearTimeout(timer);
      timer = listen();
      if (message.header.refused) throw new Refused(message.header.refused);
      hear(message);
    }
  } finally {
    clearTimeout(timer);
  }
}

/** What is said to who waits. @param {{ before?: number, seconds?: number }} header */
export function waitingWords({ before = 0, seconds = 0 }) {
  const whole = Math.max(1, Math.ceil(seconds));
  const time = `about ${whole} second${whole > 1 ? "s" : ""}`;
  return before ? `Others come first: ${before} run${before > 1 ? "s" : ""}, ${time}.` : "Computing …";
}

/** @param {{ read(): Promise<{ value?: Uint8Array, done: boolean }> }} reader @returns {AsyncGenerator<FM.Message>} */
export async function* messages(reader) {
  let held = /** @type {Uint8Array} */ (new Uint8Array());
  const more = async () => {
    const { value, done } = await reader.read();
    if (done) throw new Error("The answer was cut off.");
    return value ?? new Uint8Array();
  };
  for (;;) {
    while (!held.includes(NEWLINE)) {
      const { value, done } = await reader.read();
      if (done && held.length) throw new Error("The answer was cut off.");
      if (done) return;
      held = Uint8Array.from([...held, ...(value ?? [])]);
    }
    const end = held.indexOf(NEWLINE);
    const header = JSON.parse(new TextDecoder().decode(held.subarray(0, end)));
    held = held.subarray(end + 1);
    const data = new Uint8Array(header.bytes ?? 0);
    let filled = 0;
    while (filled < data.length) {
      if (!held.length) held = await more();
      const part = held.subarray(0, data.length - filled);
      data.set(part, filled);
      filled += part.length;
      held = held.subarray(part.length);
    }
    yield { header, data: data.buffer };
  }
}
