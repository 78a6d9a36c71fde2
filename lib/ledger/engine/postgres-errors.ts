import { LatchkeyError } from "../../base/errors.js";

const codeOf = (error: unknown): string =>
  error instanceof Error && !(error instanceof LatchkeyError) && "code" in error && typeof error.code === "string"
    ? error.code
    : "";

/** Another transaction was in the way and the server undid ours. */
export const isRolledBack = (error: unknown): boolean => ["40001", "40P01"].includes(codeOf(error));

/** The client's own codes, the system's, and those by which a server says that it is going or not there yet. */
export const isUnreachable = (error: unknown): boolean =>
  /^(CONNECTION_\w+|CONNECT_TIMEOUT|E[A-Z_]+|08\w{3}|57P0\d|53300|25P0[34])$/.test(codeOf(error));
