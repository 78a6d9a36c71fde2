import colors from "picocolors";

/** Where a command writes. Answers go to `out`, everything that is only for people to `err`. */
export interface Io {
  readonly out: NodeJS.WriteStream;
  readonly err: NodeJS.WriteStream;
  readonly in: NodeJS.ReadStream;
  /** Aborted by SIGINT, SIGTERM or SIGHUP. */
  readonly signal: AbortSignal;
}

/** Colours for one stream: none unless it is a terminal that wants them. */
export function paint(stream: NodeJS.WriteStream): ReturnType<typeof colors.createColors> {
  const { NO_COLOR, TERM } = process.env;
  return colors.createColors(stream.isTTY === true && !NO_COLOR && TERM !== "dumb");
}

/** Resolves when the stream took it, so that nothing is cut off at the end of the process. */
export function print(stream: NodeJS.WriteStream, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(`${text}\n`, (error) => {
      // Whoever read it has seen enough.
      if (error && !("code" in error && error.code === "EPIPE")) reject(error);
      else resolve();
    });
  });
}

export const printJson = (stream: NodeJS.WriteStream, value: unknown): Promise<void> =>
  print(stream, JSON.stringify(value));

const control = /[\p{Cc}\p{Cf}\u2028\u2029]+/gu;

/** Text of a stranger on one line: without what would move the cursor, colour or reorder what stands there. */
export const oneLine = (text: string): string => text.replace(control, " ").trim();

/** Says what is waited for: on a terminal a line that counts seconds and goes away, otherwise one line. */
export function progress(stream: NodeJS.WriteStream, what: string): Disposable {
  if (!stream.isTTY) {
    stream.write(`${what}\n`);
    return { [Symbol.dispose]: () => undefined };
  }
  const began = performance.now();
  const show = (): void => {
    const seconds = Math.round((performance.now() - began) / 1000);
    const text = `${what}${seconds > 0 ? ` ${seconds} s` : ""}`;
    stream.write(`\r\x1b[K${text.slice(0, Math.max(1, (stream.columns ?? 80) - 1))}`);
  };
  show();
  const timer = setInterval(show, 1000).unref();
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
      stream.write("\r\x1b[K");
    },
  };
}
