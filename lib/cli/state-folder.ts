import {
  closeSync,
  fchmodSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { isCode } from "../base/code.js";

/** `$XDG_STATE_HOME/latchkey`, where the runtime's file, the default ledger and the REPL's history lie. */
export function stateFolder(env: NodeJS.ProcessEnv = process.env): string {
  return inBase(env.XDG_STATE_HOME, ".local/state");
}

/** The base directory specification: a relative path is invalid and is ignored. */
const inBase = (configured: string | undefined, fallback: string): string =>
  join(configured && isAbsolute(configured) ? configured : join(homedir(), fallback), "latchkey");

/** A new file, on disk and readable by its owner alone. */
export function writePrivate(path: string, contents: string | Uint8Array): void {
  const file = openSync(path, "wx", 0o600);
  try {
    fchmodSync(file, 0o600);
    writeFileSync(file, contents);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

export function makeStateFolder(): string {
  const folder = stateFolder();
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return folder;
}

export const runtimeFile = (): string => join(stateFolder(), "runtime.json");

/** The runtime that `latchkey runtime start` left running. */
export interface RuntimeNote {
  readonly endpoint: string;
  readonly token: string;
  readonly pid: number;
  /** When its process began, as `markRuntime` says it. Left out where the operating system does not tell. */
  readonly processStart?: string;
  readonly version: string;
  /** ISO 8601. */
  readonly startedAt: string;
}

export function readRuntimeNote(): RuntimeNote | undefined {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(runtimeFile(), "utf8"));
  } catch (error) {
    if (error instanceof SyntaxError || isCode(error, "ENOENT")) return undefined;
    throw error;
  }
  return isNote(value) ? value : undefined;
}

/** Writes the file whole, readable by its owner alone. False when there is one already: it stays as it is. */
export function writeRuntimeNote(note: RuntimeNote): boolean {
  makeStateFolder();
  const path = runtimeFile();
  const draft = `${path}.${crypto.randomUUID()}`;
  writePrivate(draft, `${JSON.stringify(note)}\n`);
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (isCode(error, "EEXIST")) return false;
    throw error;
  } finally {
    rmSync(draft);
  }
}

/** Removes the file if it still speaks of this runtime. */
export function removeRuntimeNote({ pid, endpoint }: RuntimeNote): void {
  const now = readRuntimeNote();
  if (now === undefined || (now.pid === pid && now.endpoint === endpoint)) rmSync(runtimeFile(), { force: true });
}

function isNote(value: unknown): value is RuntimeNote {
  if (typeof value !== "object" || value === null) return false;
  const texts = ["endpoint", "token", "version", "startedAt"];
  const fields = new Map(Object.entries(value));
  if (!["string", "undefined"].includes(typeof fields.get("processStart"))) return false;
  return typeof fields.get("pid") === "number" && texts.every((name) => typeof fields.get(name) === "string");
}
