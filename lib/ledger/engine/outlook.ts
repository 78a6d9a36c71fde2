import { codeOf } from "../../base/code.js";
import { LatchkeyError, LedgerError } from "../../base/errors.js";
import { visible } from "../../base/visible.js";

/**
 * Whether it helps to try again after an error of a database. The tables below are the only place that decides it.
 * - `passes`: the trouble ends by itself. The error is `UNAVAILABLE`.
 * - `mendable`: the trouble ends when somebody repairs the database: a grant, a renamed table, a password. The error is `DATABASE`.
 * - `values`: the database refused these values; other writes succeed. The error is `DATABASE`.
 * - `lasts`: trying again does not help. The error is `DATABASE`.
 */
export type Outlook = "passes" | "mendable" | "values" | "lasts";

type Table = readonly (readonly [RegExp, Outlook])[];

/** By SQLSTATE (PostgreSQL, appendix A), by the client's codes, by the system's. The first that fits counts. */
const codes: Table = [
  // Corrupted data or index; the protocol or the client used wrongly.
  [/^XX00[12]$/, "lasts"],
  // Connection lost; rolled back because of another; too many connections, out of disk or memory.
  [/^(08|40|53)\w{3}$/, "passes"],
  // Time-out or cancel; shutting down, starting, killed; locked; read only after a fail-over; idle too long.
  [/^(57014|57P0\d|55P03|55006|25006|25P0[34]|58030|72000)$/, "passes"],
  // Our BEGIN was lost with its connection; the statement came over another one.
  [/^25P01$/, "passes"],
  // A pooler gave us another connection than the one that knows our statement. The engine stops using them.
  [/^(26000|42P05)$/, "passes"],
  // No login, database, schema, table, column, function or right; a pooler's own refusals; a standby that cannot.
  [/^(28\w{3}|3D000|3F000|42501|42P01|42703|42883|0A000|55\w{3}|58\w{3}|XX000)$/, "mendable"],
  // Data exceptions, constraints, limits of a value, somebody's own trigger.
  [/^(21|22|23|44|54|P0)\w{3}$/, "values"],
  [/^(CONNECTION_\w+|CONNECT_TIMEOUT)$/, "passes"],
  [/^(ERR_SSL|ERR_TLS|CERT|UNABLE_TO|DEPTH_ZERO|SELF_SIGNED|HOSTNAME_MISMATCH|SASL_SIGNATURE)/, "mendable"],
  [/^(EACCES|EPERM|EROFS|ENOTDIR|EISDIR|ELOOP|ENAMETOOLONG|ENOENT)$/, "mendable"],
  [/^E(?!RR_)[A-Z0-9]+(_\w+)?$/, "passes"],
];

/** By SQLite's result codes, extended or not (https://www.sqlite.org/rescode.html). */
const results: Readonly<Record<number, Outlook>> = {
  // IOERR_DATA and IOERR_CORRUPTFS: a checksum, or the file system, says that what is on disk is wrong.
  8202: "lasts",
  8458: "lasts",
  // READONLY_DBMOVED: the file is not there any more.
  1032: "passes",
  // BUSY, LOCKED, NOMEM, INTERRUPT, IOERR, FULL, PROTOCOL, SCHEMA.
  5: "passes",
  6: "passes",
  7: "passes",
  9: "passes",
  10: "passes",
  13: "passes",
  15: "passes",
  17: "passes",
  // ERROR (no such table), PERM, READONLY, CANTOPEN, AUTH.
  1: "mendable",
  3: "mendable",
  8: "mendable",
  14: "mendable",
  23: "mendable",
  // TOOBIG, CONSTRAINT, MISMATCH, RANGE.
  18: "values",
  19: "values",
  20: "values",
  25: "values",
};

/** The outlook of an error that a driver or the operating system threw. */
export function outlookOf(error: unknown): Outlook {
  if (typeof error !== "object" || error === null) return "lasts";
  if ("errcode" in error && typeof error.errcode === "number")
    return results[error.errcode] ?? results[error.errcode & 0xff] ?? "lasts";
  // A socket that is not there, a port where nobody listens: the server is away.
  if ("syscall" in error && error.syscall === "connect") return "passes";
  const code = textCodeOf(error);
  return codes.find(([pattern]) => pattern.test(code))?.[1] ?? "lasts";
}

/** The outlook of an error that a call of the ledger rejected with; nothing when it is not about the database. */
export function outlook(error: unknown): Outlook | undefined {
  if (!(error instanceof LedgerError)) return undefined;
  if (error.code === "UNAVAILABLE") return "passes";
  return error.code === "DATABASE" ? outlookOf(error.cause) : undefined;
}

/** The error that callers of the ledger get. Its code says whether to try again, its message says why it failed. */
export function databaseError(store: string, cause: unknown): LedgerError {
  return outlookOf(cause) === "passes"
    ? new LedgerError("UNAVAILABLE", `${store} is not available now: ${reason(cause)}`, cause)
    : new LedgerError("DATABASE", `${store} refused: ${reason(cause)}`, cause);
}

function reason(cause: unknown): string {
  if (!(cause instanceof Error)) return "for no known reason";
  // A host with several addresses fails with one error for each address, and with no text of its own.
  const [first] = cause instanceof AggregateError ? cause.errors : [];
  const said = cause.message || (first instanceof Error ? first.message : "");
  const code = "errcode" in cause ? cause.errcode : textCodeOf(cause);
  return `${visible(said, 200)}${code && !said.includes(String(code)) ? ` (${code})` : ""}`;
}

/** The code that a database or the system gave it. */
function textCodeOf(error: unknown): string {
  const code = codeOf(error);
  return typeof code === "string" ? code : "";
}

const ofServer = (error: unknown): string => (error instanceof LatchkeyError ? "" : textCodeOf(error));

/** Another transaction was in the way, and the server rolled ours back. */
export const isRolledBack = (error: unknown): boolean => ["40001", "40P01"].includes(ofServer(error));

/** Only a standby says so, or a server that became one in a fail-over. */
export const isReadOnly = (error: unknown): boolean => ofServer(error) === "25006";

/** A pooler between us and the server gave our statement to a connection that does not know it, or knows another of its name. */
export const isForeignStatement = (error: unknown): boolean => ["26000", "42P05"].includes(ofServer(error));

/** The connection is gone, or was never made: codes of the client, of the system, and of a server that ends the connection. */
export function isCut(error: unknown): boolean {
  const code = ofServer(error);
  if (/^(CONNECTION_\w+|CONNECT_TIMEOUT|E[A-Z0-9_]+|08\w{3}|57P0\d|25P0[34])$/.test(code)) return true;
  const severity = error instanceof Error && "severity" in error ? error.severity : undefined;
  return code !== "" && (severity === "FATAL" || severity === "PANIC");
}
