import { ConnectionError, LatchkeyError, LedgerError, RpcError, ValidationError } from "../base/errors.js";
import { type Io, paint } from "./io.js";

/** The exit codes of `latchkey`, as docs/shell.md lists them. */
export const exit = {
  done: 0,
  failed: 1,
  usage: 2,
  /** Nothing has this id, or there is nothing to do. */
  nothing: 3,
  /** The ledger's rules refuse it: claimed by another, answered before, over. */
  refused: 4,
  /** The ledger cannot be opened: no such file, wrong key, newer format, unreachable. */
  ledger: 5,
  /** The runtime cannot be reached, or wants another token. */
  runtime: 6,
  /** The runtime answered with an error. */
  remote: 7,
  /** An answer does not have the shape that its kind asks for; nothing was written. */
  invalid: 8,
} as const;

/** A mistake on the command line. */
export class UsageError extends Error {
  constructor(
    message: string,
    readonly command?: string,
  ) {
    super(message);
  }
}

/** An end that is no bug: its message is all there is to say. */
export class Stop extends Error {
  constructor(
    readonly exitCode: number,
    message: string,
  ) {
    super(message);
  }
}

/** Says what went wrong, for a person. Returns the exit code. */
export function tellError(error: unknown, { err }: Io): number {
  err.write(`${paint(err).red("latchkey:")} ${explain(error)}\n`);
  if (error instanceof UsageError) err.write(`Try: latchkey ${error.command ?? ""}${error.command ? " " : ""}--help\n`);
  return exitCodeOf(error);
}

const refusals = new Set(["FENCED", "CLAIMED", "CONFLICT", "EXPIRED"]);

function exitCodeOf(error: unknown): number {
  if (error instanceof Stop) return error.exitCode;
  if (error instanceof UsageError) return exit.usage;
  if (error instanceof ConnectionError) return exit.runtime;
  if (error instanceof RpcError) return exit.remote;
  if (error instanceof ValidationError) return exit.invalid;
  if (!(error instanceof LedgerError)) return exit.failed;
  if (error.code === "UNKNOWN_ENTRY") return exit.nothing;
  return refusals.has(error.code) ? exit.refused : exit.ledger;
}

/** What a person is told: the message and the stable code, and what to do where that is known. */
export function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = error instanceof LatchkeyError ? ` (${error.code})` : "";
  const hint = error instanceof LatchkeyError ? hints[error.code] : undefined;
  return `${error.message}${code}${hint === undefined ? "" : `\n  ${hint}`}`;
}

const hints: Record<string, string | undefined> = {
  REFUSED: "latchkey runtime status tells where a runtime should be; latchkey runtime start starts one.",
  UNAUTHORIZED: "The token comes from COPILOT_CONNECTION_TOKEN, or from the file of latchkey runtime start.",
  WRONG_KEY: "The key comes from LATCHKEY_KEY, or for SQLite from the .key file beside the database.",
  CLAIMED: "A broker works on it now. latchkey receipts shows since when; wait for its lease to end.",
  NEWER_FORMAT: "Use the latchkey that wrote it, or a newer one.",
};
