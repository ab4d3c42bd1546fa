/** Entry of a worker process: gets one message with the module to run, answers with progress and the result. */
import { StoppedError, toPlainError } from "../errors.ts";
import type { FromChild, ToChild, Work } from "./child-protocol.ts";

const stop = new AbortController();
const send = (message: FromChild): Promise<void> =>
  new Promise((resolve) => {
    if (process.send === undefined || !process.connected) resolve();
    else process.send(message, () => resolve());
  });

// The parent was killed: nobody waits for the result, and a later run takes over the folder.
process.on("disconnect", () => process.exit(1));
// Ctrl-C reaches the whole process group; the parent decides and sends "abort".
process.on("SIGINT", () => {});

process.on("message", (message: ToChild) => {
  if (message.type === "abort") stop.abort(new StoppedError());
  else void start(message);
});

async function start(message: Extract<ToChild, { type: "start" }>): Promise<void> {
  try {
    const { work } = (await import(message.module)) as { work: Work<unknown, unknown> };
    const result = await work(message.options, {
      part: message.part,
      parts: message.parts,
      signal: stop.signal,
      progress: (update) => void send({ type: "progress", update }),
      line: (text) => void send({ type: "line", text }),
    });
    await send({ type: "done", result });
    process.exit(0);
  } catch (error) {
    const plain = toPlainError(stop.signal.aborted ? new StoppedError() : error);
    await send({ type: "error", error: plain });
    process.exit(1);
  }
}
