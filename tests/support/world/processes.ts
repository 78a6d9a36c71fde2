import { type ChildProcessByStdio, spawn } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { reap, reaped } from "./reaper.js";

/** One line of a program's standard output, or of its input. */
export interface Message {
  readonly type: string;
  readonly [field: string]: unknown;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A child program that speaks JSON lines: messages out on stdout, messages in on stdin. */
export interface Program extends AsyncDisposable {
  readonly pid: number;
  readonly messages: readonly Message[];
  /**
   * The next message of this type that nobody has taken yet. Rejects with the program's stderr when it ends first, or says
   * nothing of the kind for `timeoutMs` (15 s).
   */
  next(type: string, options?: { timeoutMs?: number }): Promise<Message>;
  tell(message: Message): void;
  signal(signal: NodeJS.Signals): void;
  /** SIGKILL, and resolves when the process is gone. */
  kill(): Promise<Exit>;
  readonly exited: Promise<Exit>;
  /** What it wrote to stderr, and what it wrote to stdout that is no message. */
  readonly noise: string;
  close(): Promise<void>;
}

export interface ProgramOptions {
  /** What the program reads with `given`. */
  readonly given?: unknown;
  readonly args?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
}

const root = dirname(createRequire(import.meta.url).resolve("latchkey/package.json"));

/** Starts `tests/programs/NAME.ts` as it was built. */
export function startProgram(name: string, options: ProgramOptions = {}): Program {
  return startScript(join(root, "build/tests/programs", `${name}.js`), options);
}

export function startScript(path: string, options: ProgramOptions = {}): Program {
  const child = spawn(process.execPath, ["--enable-source-maps", path, ...(options.args ?? [])], {
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, GIVEN: JSON.stringify(options.given ?? {}), ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  return attend(path, child);
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

interface Taker {
  readonly type: string;
  readonly resolve: (message: Message) => void;
  readonly reject: (reason: Error) => void;
}

function attend(path: string, child: Child): Program {
  const { pid } = child;
  if (pid === undefined) throw new Error(`${path} did not start`);
  reap(pid);
  const messages: Message[] = [];
  const untaken: Message[] = [];
  const takers: Taker[] = [];
  let noise = "";
  let gone: Exit | undefined;

  createInterface({ input: child.stdout }).on("line", (line) => {
    const message = parse(line);
    if (message === undefined) {
      noise += `${line}\n`;
      return;
    }
    messages.push(message);
    const index = takers.findIndex(({ type }) => type === message.type);
    if (index < 0) untaken.push(message);
    else takers.splice(index, 1)[0]?.resolve(message);
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    noise += text;
  });
  child.stdin.on("error", () => undefined);
  const exited = new Promise<Exit>((resolve) => {
    child.once("close", (code, signal) => {
      reaped(pid);
      gone = { code, signal };
      for (const taker of takers.splice(0)) taker.reject(without(taker.type));
      resolve(gone);
    });
  });

  function without(type: string): Error {
    const how = gone === undefined ? "still runs" : `ended (${gone.signal ?? `exit code ${gone.code}`})`;
    const said = messages.map((message) => message.type).join(", ");
    return new Error(`${path} ${how} and did not say "${type}"; it said: ${said}\n${noise}`);
  }

  function take(type: string, timeoutMs: number): Promise<Message> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        takers.splice(takers.indexOf(taker), 1);
        reject(without(type));
      }, timeoutMs);
      const taker: Taker = {
        type,
        resolve(message) {
          clearTimeout(timer);
          resolve(message);
        },
        reject(reason) {
          clearTimeout(timer);
          reject(reason);
        },
      };
      takers.push(taker);
    });
  }

  function kill(): Promise<Exit> {
    if (gone === undefined) child.kill("SIGKILL");
    return exited;
  }

  const close = async (): Promise<void> => {
    await kill();
  };

  return {
    pid,
    messages,
    exited,
    get noise() {
      return noise;
    },
    next(type, { timeoutMs = 15_000 } = {}) {
      const index = untaken.findIndex((message) => message.type === type);
      const found = index < 0 ? undefined : untaken.splice(index, 1)[0];
      if (found !== undefined) return Promise.resolve(found);
      if (gone !== undefined) return Promise.reject(without(type));
      return take(type, timeoutMs);
    },
    tell(message) {
      child.stdin.write(`${JSON.stringify(message)}\n`);
    },
    signal(signal) {
      child.kill(signal);
    },
    kill,
    close,
    [Symbol.asyncDispose]: close,
  };
}

function parse(line: string): Message | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isMessage(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isMessage(value: unknown): value is Message {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}
