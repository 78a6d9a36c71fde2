/** Commands of `latchkey` run in this process: no start of a process for each, so the working day can afford many. */
import { PassThrough } from "node:stream";
import { commands } from "../../lib/cli/commands/all.js";
import { tellError } from "../../lib/cli/exit.js";
import { within } from "./suite.js";

export interface LogLine {
  readonly did: string;
  readonly level: string;
  readonly id?: string;
  readonly [field: string]: unknown;
}

/** A command that runs, and what it has printed so far. */
export interface Running extends AsyncDisposable {
  readonly input: PassThrough;
  out(): string;
  err(): string;
  /** The next line of its JSON log with this word that was not waited for yet. */
  next(did: string): Promise<LogLine>;
  /** As SIGTERM does. Resolves with the exit code. */
  stop(): Promise<number>;
  readonly ended: Promise<number>;
}

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Starts a command. Its standard input stays open until the test ends it. */
export function startCommand(args: readonly string[]): Running {
  const stopped = new AbortController();
  const [input, output, errors] = [new PassThrough(), new PassThrough(), new PassThrough()];
  let [out, err] = ["", ""];
  const waiting = new Set<() => void>();
  output.setEncoding("utf8").on("data", (text: string) => {
    out += text;
    for (const look of waiting) look();
  });
  errors.setEncoding("utf8").on("data", (text: string) => {
    err += text;
  });
  // The members of standard streams that are used.
  const io = { in: input, out: output, err: errors, signal: stopped.signal } as never;
  const ended = run(args, io);
  const seen = new Map<string, number>();
  const lines = (): LogLine[] =>
    out
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line));
  return {
    input,
    ended,
    out: () => out,
    err: () => err,
    next(did) {
      const found = new Promise<LogLine>((resolve, reject) => {
        const look = (): void => {
          const from = seen.get(did) ?? 0;
          const all = lines();
          const at = all.findIndex((line, i) => i >= from && line.did === did);
          const line = all[at];
          if (line === undefined) return;
          seen.set(did, at + 1);
          waiting.delete(look);
          resolve(line);
        };
        waiting.add(look);
        // What it printed last is read a turn later.
        void ended.then(() => setImmediate(() => reject(new Error(`it ended before "${did}": ${out}${err}`))));
        look();
      });
      return within(15_000, found, `the line "${did}"`);
    },
    stop() {
      stopped.abort(new Error("stopped by SIGTERM"));
      return ended;
    },
    async [Symbol.asyncDispose]() {
      stopped.abort(new Error("stopped by SIGTERM"));
      await ended;
    },
  };
}

/** Runs a command to its end. */
export async function runLatchkey(args: readonly string[], input = ""): Promise<Ran> {
  const running = startCommand(args);
  running.input.end(input);
  const code = await running.ended;
  await new Promise((resolve) => setImmediate(resolve));
  return { code, out: running.out(), err: running.err() };
}

async function run(args: readonly string[], io: Parameters<typeof tellError>[1]): Promise<number> {
  const found = commands.find(({ name }) => name.split(" ").every((word, i) => args[i] === word));
  if (found === undefined) throw new Error(`there is no command ${args.join(" ")}`);
  try {
    return (await found.run(args.slice(found.name.split(" ").length), io)) ?? 0;
  } catch (error) {
    return tellError(error, io);
  }
}
