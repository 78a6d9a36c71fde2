import { childEnvironment } from "../base/environment.js";
import { redactText } from "../base/redact.js";
import { exit, Stop } from "./exit.js";

/**
 * The ledger's keys, while keys are rotated more than one, from wherever a person keeps them: `LATCHKEY_KEY`, else what the shell command of
 * `LATCHKEY_KEY_COMMAND` prints, such as that of a keychain or a vault. Only the command looks for a key this way; the library starts no program for one.
 */
export async function environmentKeys(signal?: AbortSignal): Promise<string[] | undefined> {
  const { splitKeys } = await import("../ledger/internal.js");
  if (process.env.LATCHKEY_KEY) return splitKeys(process.env.LATCHKEY_KEY);
  const command = process.env.LATCHKEY_KEY_COMMAND;
  return command ? splitKeys(await keysFrom(command, signal)) : undefined;
}

/** Whether there is a key without running anything. */
export const hasKeyCommand = (): boolean => !process.env.LATCHKEY_KEY && Boolean(process.env.LATCHKEY_KEY_COMMAND);

const variable = "LATCHKEY_KEY_COMMAND";

async function keysFrom(command: string, signal: AbortSignal | undefined): Promise<string> {
  const { code, killedBy, stdout, stderr } = await run(command, signal);
  if (code !== 0)
    throw new Stop(exit.ledger, `${variable} ended with ${killedBy ?? `exit code ${code}`}${said(stderr, stdout)}`);
  const { parseKeys } = await import("../ledger/internal.js");
  try {
    parseKeys(stdout, variable);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new Stop(exit.ledger, `${variable} printed no key: ${error.message}${said(stderr, stdout)}`);
  }
  return stdout;
}

interface Ran {
  readonly code: number | null;
  readonly killedBy: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** It may ask a person something on the terminal, so there is no limit of time; it does not get what is piped into latchkey. */
async function run(command: string, signal: AbortSignal | undefined): Promise<Ran> {
  const { spawn } = await import("node:child_process");
  const child = spawn("sh", ["-c", command], {
    stdio: ["ignore", "pipe", "pipe"],
    env: childEnvironment(),
    ...(signal === undefined ? {} : { signal }),
  });
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
  const { code, killedBy } = await new Promise<Pick<Ran, "code" | "killedBy">>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, killedBy) => resolve({ code, killedBy }));
  });
  return { code, killedBy, stdout: stdout(), stderr: stderr() };
}

const limit = 64 * 1024;

function collect(stream: NodeJS.ReadableStream): () => string {
  let text = "";
  stream.setEncoding("utf8").on("data", (chunk: string) => {
    if (text.length < limit) text += chunk;
  });
  return () => text;
}

const shownLines = 5;
/** A key in one of the forms that are taken. */
const keyLike = /(?<![\w+/-])(?:[0-9a-f]{64}|[\w+/-]{43}=?)(?![\w+/=-])/gi;

/** The last lines of what it said, without what it printed and without anything that looks like a key. */
function said(stderr: string, stdout: string): string {
  const printed = stdout.trim();
  const shown = redactText(printed === "" ? stderr : stderr.replaceAll(printed, "…")).replace(keyLike, "…");
  const lines = shown.split("\n").filter((line) => line.trim() !== "");
  return lines.length === 0 ? "" : `\n${lines.slice(-shownLines).join("\n")}`;
}
