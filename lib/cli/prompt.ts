import { Writable } from "node:stream";
import { exit, Stop } from "./exit.js";
import type { Io } from "./io.js";

export async function readAll(input: NodeJS.ReadStream): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of input) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString("utf8");
}

/** Asks a person for one line, on the terminal. What is secret is not shown while it is typed. Rejects with the reason of `signal`. */
export async function ask(
  io: Io,
  prompt: string,
  { secret, signal = io.signal }: { secret: boolean; signal?: AbortSignal },
): Promise<string> {
  if (!io.in.isTTY) throw new Stop(exit.usage, "standard input is not a terminal");
  const { createInterface } = await import("node:readline");
  const muted = new Writable({ write: (_chunk, _encoding, done) => done() });
  io.err.write(`${prompt}${secret ? " (not shown)" : ""}: `);
  const lines = createInterface({
    input: io.in,
    output: secret ? muted : io.err,
    terminal: true,
    // Nothing that was typed is kept to be called back.
    historySize: 0,
    prompt: "",
  });
  return await new Promise((resolve, reject) => {
    let line: string | undefined;
    const stop = (): void => lines.close();
    signal.addEventListener("abort", stop);
    if (signal.aborted) setImmediate(stop);
    lines.once("SIGINT", stop);
    lines.once("line", (text) => {
      line = text;
      lines.close();
    });
    lines.once("close", () => {
      signal.removeEventListener("abort", stop);
      if (secret || line === undefined) io.err.write("\n");
      if (signal.aborted && !io.signal.aborted) reject(signal.reason);
      else if (line === undefined) reject(new Stop(exit.interrupted, "nothing was answered"));
      else resolve(line);
    });
  });
}
