import { LatchkeyError } from "../../base/errors.js";
import { codeOf } from "./outlook.js";

const ofServer = (error: unknown): string => (error instanceof LatchkeyError ? "" : codeOf(error));

/** Another transaction was in the way and the server undid ours. */
export const isRolledBack = (error: unknown): boolean => ["40001", "40P01"].includes(ofServer(error));

/** Only a standby, or a server that is one since a fail-over, says so. */
export const isReadOnly = (error: unknown): boolean => ofServer(error) === "25006";

/** A pooler between us and the server gave our statement to a connection that does not know it, or knows another of its name. */
export const isForeignStatement = (error: unknown): boolean => ["26000", "42P05"].includes(ofServer(error));

/** The connection is gone, or was never there: the client's own codes, the system's, and a server's last words. */
export function isCut(error: unknown): boolean {
  const code = ofServer(error);
  if (/^(CONNECTION_\w+|CONNECT_TIMEOUT|E[A-Z0-9_]+|08\w{3}|57P0\d|25P0[34])$/.test(code)) return true;
  const severity = error instanceof Error && "severity" in error ? error.severity : undefined;
  return code !== "" && (severity === "FATAL" || severity === "PANIC");
}
