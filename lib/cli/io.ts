import colors from "picocolors";
import { visible, visibleJson } from "../base/visible.js";

/** Where a command writes. Answers go to `out`, everything that is only for people to `err`. */
export interface Io {
  readonly out: NodeJS.WriteStream;
  readonly err: NodeJS.WriteStream;
  readonly in: NodeJS.ReadStream;
  /** Aborted by SIGINT, SIGTERM or SIGHUP. */
  readonly signal: AbortSignal;
}

/** Colours for one stream. Only terminals get them, and only when the environment allows it. */
export function paint(stream: NodeJS.WriteStream): ReturnType<typeof colors.createColors> {
  const { NO_COLOR, TERM } = process.env;
  return colors.createColors(stream.isTTY === true && !NO_COLOR && TERM !== "dumb");
}

/** Resolves when the stream has taken the text, so that nothing is lost at the end of the process. */
export function print(stream: NodeJS.WriteStream, text: string): Promise<void> {
  if (stream.isTTY) erase();
  const written = new Promise<void>((resolve, reject) => {
    stream.write(`${text}\n`, (error) => {
      // The reader closed the pipe: it has read enough.
      if (error && !("code" in error && error.code === "EPIPE")) reject(error);
      else resolve();
    });
  });
  if (stream.isTTY) draw();
  return written;
}

export const printJson = (stream: NodeJS.WriteStream, value: unknown): Promise<void> =>
  print(stream, visibleJson(value));

const cellLimit = 300;

/** Text of a stranger, escaped, on one line of limited length. */
export const oneLine = (text: string): string => visible(text.trim(), cellLimit);

/** What the command waits for now. The terminal's last line shows the newest; all other output goes above it. */
interface Wait {
  readonly stream: NodeJS.WriteStream;
  readonly text: string;
  readonly since: number;
}
const waiting: Wait[] = [];

function draw(): void {
  const wait = waiting.at(-1);
  if (wait === undefined) return;
  const seconds = Math.round((performance.now() - wait.since) / 1000);
  const text = `${wait.text}${seconds > 0 ? ` ${seconds} s` : ""}`;
  wait.stream.write(`\r\x1b[K${text.slice(0, Math.max(1, (wait.stream.columns ?? 80) - 1))}`);
}

function erase(): void {
  waiting.at(-1)?.stream.write("\r\x1b[K");
}

/** Shows on a terminal what the command waits for, on a line that counts seconds and is erased at the end. Elsewhere it prints nothing. */
export function progress(stream: NodeJS.WriteStream, text: string): Disposable {
  if (!stream.isTTY) return { [Symbol.dispose]: () => undefined };
  const wait = { stream, text, since: performance.now() };
  waiting.push(wait);
  draw();
  const timer = setInterval(draw, 1000).unref();
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
      erase();
      waiting.splice(waiting.indexOf(wait), 1);
      draw();
    },
  };
}

/** Prints a line on a terminal, and nothing elsewhere. */
export async function remark(stream: NodeJS.WriteStream, text: string): Promise<void> {
  if (stream.isTTY) await print(stream, text);
}
