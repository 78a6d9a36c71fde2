/**
 * Every error of latchkey has a stable `code`; match on it, not on the text. `cause` holds the evidence.
 * A caller's mistake is a plain `TypeError`. Time-outs and aborts reject with the signal's own reason.
 */
export class LatchkeyError<Code extends string = string> extends Error {
  readonly code: Code;

  constructor(code: Code, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }

  override get name(): string {
    return "LatchkeyError";
  }
}

/**
 * - `CLOSED`: the peer closed the connection or its process died; also a stream that was closed with no reason given.
 * - `ENDED`: our own `close()` ended it.
 * - `DESTROYED`: a write failed, or somebody else ended the stream that is written to.
 * - `REFUSED`: nobody listens there, or the runtime did not start.
 * - `UNAUTHORIZED`: the runtime wants a token, or another one, or none.
 * - `PROTOCOL`: the peer sent something that is not the protocol, or speaks a version outside the window.
 */
export type ConnectionErrorCode = "CLOSED" | "ENDED" | "DESTROYED" | "REFUSED" | "UNAUTHORIZED" | "PROTOCOL";

export class ConnectionError extends LatchkeyError<ConnectionErrorCode> {
  override get name(): string {
    return "ConnectionError";
  }
}

/** The runtime answered a request with an error. `rpcCode` and `data` are its own; `code` names the common ones. */
export type RpcErrorCode =
  | "METHOD_NOT_FOUND"
  | "INVALID_PARAMS"
  | "SESSION_NOT_FOUND"
  | "NOT_RESUMABLE"
  | "UNKNOWN_LOGIN"
  | "RPC";

export class RpcError extends LatchkeyError<RpcErrorCode> {
  readonly rpcCode: number;
  readonly method: string;
  readonly data: unknown;

  constructor(
    code: RpcErrorCode,
    message: string,
    evidence: { rpcCode: number; method: string; data?: unknown; cause?: unknown },
  ) {
    super(code, message, evidence.cause);
    this.rpcCode = evidence.rpcCode;
    this.method = evidence.method;
    this.data = evidence.data;
  }

  override get name(): string {
    return "RpcError";
  }
}

/**
 * - `FENCED`: the claim's lease ran out and somebody else may hold it now; nothing was written.
 * - `CLAIMED`: a live claim of another owner is on this credential.
 * - `UNKNOWN_ENTRY`: no entry has this id.
 * - `CONFLICT`: the entry already has another answer, or is in a state that takes none; nothing was changed.
 * - `EXPIRED`: the entry's or the answer's time is over.
 * - `WRONG_KEY`: the key does not open this ledger, or none was given where one is needed.
 * - `NEWER_FORMAT`: the ledger was written by a newer latchkey.
 * - `UNAVAILABLE`: the store cannot be reached or is closed.
 */
export type LedgerErrorCode =
  | "FENCED"
  | "CLAIMED"
  | "UNKNOWN_ENTRY"
  | "CONFLICT"
  | "EXPIRED"
  | "WRONG_KEY"
  | "NEWER_FORMAT"
  | "UNAVAILABLE";

export class LedgerError extends LatchkeyError<LedgerErrorCode> {
  override get name(): string {
    return "LedgerError";
  }
}

/** One thing wrong with a value: where (dot path) and what was expected. Never the value itself, which may be secret. */
export interface Issue {
  readonly path: string;
  readonly expected: string;
}

/** Data or an answer did not have the shape that its schema asks for. `issues` says where; values are left out. */
export class ValidationError extends LatchkeyError<"INVALID"> {
  readonly issues: readonly Issue[];

  constructor(subject: string, issues: readonly Issue[]) {
    const first = issues[0];
    super("INVALID", `${subject}: ${first ? `"${first.path || "(root)"}" expected ${first.expected}` : "invalid"}`);
    this.issues = issues;
  }

  override get name(): string {
    return "ValidationError";
  }
}
