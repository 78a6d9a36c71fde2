import { ConnectionError, LatchkeyError, LedgerError, OAuthError, RpcError, ValidationError } from "../base/errors.js";
import { visible } from "../base/visible.js";
import { type Io, paint } from "./io.js";

/** The exit codes of `latchkey`, as docs/shell.md lists them. */
export const exit = {
  done: 0,
  failed: 1,
  usage: 2,
  /** Nothing has this id, or there is nothing to do. */
  nothing: 3,
  /** The ledger's rules refuse it: claimed by another, answered before, or final. */
  refused: 4,
  /** The ledger cannot be opened: no such file, wrong key, newer format, unreachable. */
  ledger: 5,
  /** The runtime cannot be reached, or wants another token. */
  runtime: 6,
  /** The runtime answered with an error. */
  remote: 7,
  /** An answer does not have the shape that its kind asks for; nothing was written. */
  invalid: 8,
  /** By Ctrl-C at a prompt, as by SIGINT. */
  interrupted: 130,
} as const;

/** A mistake on the command line. */
export class UsageError extends Error {
  constructor(
    message: string,
    public command?: string,
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
  if (error instanceof UsageError) err.write(`Try: latchkey ${error.command ? `${error.command} ` : ""}--help\n`);
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

/** The text for a person: the message, the stable code, and a hint where there is one. */
export function explain(error: unknown): string {
  if (!(error instanceof Error)) return printable(String(error));
  if (!(error instanceof LatchkeyError)) return printable(error.message);
  const hint = hintFor(error);
  return `${printable(error.message + why(error))} (${error.code})${hint === undefined ? "" : `\n  ${hint}`}`;
}

/** The first line of the message and the code. Not escaped yet: escape it where it is printed. */
export function explainShort(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const text = error instanceof LatchkeyError ? `${error.message}${why(error)} (${error.code})` : error.message;
  return text.split("\n")[0] ?? "";
}

/** Part of the text may come from a peer. Its lines are indented, so that none looks like one of ours. */
const printable = (text: string): string =>
  text
    .split("\n")
    .map((line) => visible(line, 2000))
    .slice(0, 40)
    .join("\n  ");

/** The driver's own reason, for a store that cannot be reached. */
function why({ code, message, cause }: LatchkeyError): string {
  if (code !== "UNAVAILABLE" || !(cause instanceof Error)) return "";
  const said = cause.message.split("\n")[0] || ("code" in cause ? String(cause.code) : "");
  return said === "" || message.includes(said) ? "" : `: ${said}`;
}

function hintFor(error: LatchkeyError): string | undefined {
  // Its codes are those of another kind of server.
  if (error instanceof OAuthError) return undefined;
  const { code, message } = error;
  return message.startsWith("no runtime found") ? installHint : hints[code];
}

const installHint = "npm install @github/copilot, or name the program: latchkey runtime start --path FILE.";

const hints: Record<string, string | undefined> = {
  REFUSED: "latchkey runtime status tells where a runtime should be; latchkey runtime start starts one.",
  UNAUTHORIZED: "The token comes from COPILOT_CONNECTION_TOKEN, or from the file of latchkey runtime start.",
  WRONG_KEY:
    "The key comes from LATCHKEY_KEY, from LATCHKEY_KEY_COMMAND, or for SQLite from the .key file beside the database.",
  CLAIMED: "Wait for its lease to end; latchkey cancel takes --force.",
  NEWER_FORMAT: "Use the latchkey that wrote it, or a newer one.",
};
