/** Every code that an error of latchkey has. */
export type LatchkeyErrorCode =
  | ConnectionErrorCode
  | RpcErrorCode
  | LedgerErrorCode
  | OAuthErrorCode
  | "INVALID"
  | OtherErrorCode;

/**
 * Codes of plain `LatchkeyError`s.
 * - `OVERFLOW`: more events came than a stream keeps unread.
 * - `BUSY`: a call on the session waits for an answer; an attach would wedge it.
 * - `UNSUPPORTED`: this runtime cannot do it.
 */
export type OtherErrorCode = "OVERFLOW" | "BUSY" | "UNSUPPORTED";

/**
 * Every error of latchkey has a stable `code`; match on it, not on the text. `cause` holds the evidence.
 * A caller's mistake is a plain `TypeError`. Time-outs and aborts reject with the signal's own reason.
 */
export class LatchkeyError<Code extends LatchkeyErrorCode = LatchkeyErrorCode> extends Error {
  /** What went wrong, in a word that stays the same from version to version. */
  readonly code: Code;

  /** `cause` is the evidence; nothing in the message or in it is secret. */
  constructor(code: Code, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }

  /** The name of the class. */
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

/** The connection to the runtime could not be made, or is over. Every request that was out rejects with the same one. */
export class ConnectionError extends LatchkeyError<ConnectionErrorCode> {
  /** The name of the class. */
  override get name(): string {
    return "ConnectionError";
  }
}

/**
 * - `METHOD_NOT_FOUND`: this runtime does not know the method (JSON-RPC 2.0, -32601).
 * - `INVALID_PARAMS`: it refused the params (-32602).
 * - `SESSION_NOT_FOUND`: the session is not loaded.
 * - `NOT_RESUMABLE`: the session has nothing on disk that could be loaded: it has no user message yet.
 * - `UNKNOWN_LOGIN`: the runtime does not wait for this sign-in.
 * - `RPC`: any other error; `rpcCode` and the message tell which.
 */
export type RpcErrorCode =
  | "METHOD_NOT_FOUND"
  | "INVALID_PARAMS"
  | "SESSION_NOT_FOUND"
  | "NOT_RESUMABLE"
  | "UNKNOWN_LOGIN"
  | "RPC";

/** The runtime answered a request with an error. `code` names the common ones. */
export class RpcError extends LatchkeyError<RpcErrorCode> {
  /** The number that the runtime gave: JSON-RPC 2.0, section 5.1. */
  readonly rpcCode: number;
  /** The method that was called. */
  readonly method: string;
  /** What the runtime added to its error. */
  readonly data: unknown;

  /** For code that stands in for a runtime: `evidence` becomes the fields of the same names. */
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

  /** The name of the class. */
  override get name(): string {
    return "RpcError";
  }
}

/**
 * - `FENCED`: the claim's lease ran out and somebody else may hold it now; nothing was written.
 * - `CLAIMED`: a live claim of another owner is on this credential, or somebody else holds this grant.
 * - `UNKNOWN_ENTRY`: no entry has this id.
 * - `UNKNOWN_GRANT`: no grant has this id.
 * - `UNKNOWN_TICKET`: no ticket is this one.
 * - `USED_TICKET`: its entry was answered or cancelled through this ticket already.
 * - `CONFLICT`: the entry already has another answer, or is in a state that takes none; nothing was changed.
 * - `EXPIRED`: the time of the entry, the answer or the ticket is over.
 * - `WRONG_KEY`: the key does not open this ledger, or none was given where one is needed.
 * - `NEWER_FORMAT`: the ledger was written by a newer latchkey.
 * - `CORRUPT`: a row is not what it was sealed as, or points to what is not its own; nothing was handed out.
 * - `UNAVAILABLE`: the store cannot be reached, cannot take it now, or is closed; trying again may help.
 * - `DATABASE`: the database refused, or its files are not to be trusted; trying again does not help.
 */
export type LedgerErrorCode =
  | "FENCED"
  | "CLAIMED"
  | "UNKNOWN_ENTRY"
  | "UNKNOWN_GRANT"
  | "UNKNOWN_TICKET"
  | "USED_TICKET"
  | "CONFLICT"
  | "EXPIRED"
  | "WRONG_KEY"
  | "NEWER_FORMAT"
  | "CORRUPT"
  | "UNAVAILABLE"
  | "DATABASE";

/** A ledger refused, or could not do, what it was asked to. */
export class LedgerError extends LatchkeyError<LedgerErrorCode> {
  /** The name of the class. */
  override get name(): string {
    return "LedgerError";
  }
}

/**
 * - `FORBIDDEN_URL`: a server named an address that must not be asked: no https, a private network, a redirect to another origin.
 * - `UNREACHABLE`: no answer came. `sent` is false when the request surely never reached the server.
 * - `NO_METADATA`: the MCP server, or its authorization server, publishes no metadata where the specifications say.
 * - `INVALID_METADATA`: a metadata document is no JSON, lacks what it must have, or names what cannot be used.
 * - `RESOURCE_MISMATCH`: the metadata is that of another resource than the MCP server.
 * - `ISSUER_MISMATCH`: a document or a callback (RFC 9207) names another issuer than the one that was asked.
 * - `ISSUER_CHANGED`: a client or a grant belongs to another authorization server, or to another resource.
 * - `STATE_MISMATCH`: the callback belongs to another sign-in.
 * - `NO_PKCE`: the authorization server does not say that it supports `S256`.
 * - `NO_CLIENT`: there is no client id for this authorization server and no way to get one by itself.
 * - `NO_ENDPOINT`: the authorization server has no endpoint for that.
 * - `STEP_UP_LIMIT`: several step-ups in a row brought nothing new; to ask again would be a loop.
 * - `REFUSED`: the authorization server answered with an error; `error` is its own code, such as `access_denied` or `invalid_grant`.
 * - `INVALID_RESPONSE`: its answer is none that OAuth knows: no JSON, no token, a token that fits no header, too large.
 * - `EXPIRED`: the time of a device code or of a token is over.
 */
export type OAuthErrorCode =
  | "FORBIDDEN_URL"
  | "UNREACHABLE"
  | "NO_METADATA"
  | "INVALID_METADATA"
  | "RESOURCE_MISMATCH"
  | "ISSUER_MISMATCH"
  | "ISSUER_CHANGED"
  | "STATE_MISMATCH"
  | "NO_PKCE"
  | "NO_CLIENT"
  | "NO_ENDPOINT"
  | "STEP_UP_LIMIT"
  | "REFUSED"
  | "INVALID_RESPONSE"
  | "EXPIRED";

/** Where on the way from a challenge to a token it stopped. */
export type OAuthStep =
  | "resource-metadata"
  | "server-metadata"
  | "registration"
  | "client"
  | "scope"
  | "authorization"
  | "device-authorization"
  | "token"
  | "revocation";

/** A step of an OAuth flow was refused, by the authorization server or by a check. Nothing of it is secret. */
export class OAuthError extends LatchkeyError<OAuthErrorCode> {
  /** Where on the way it stopped. */
  readonly step: OAuthStep;
  /** The authorization server's own error code (RFC 6749 sections 4.1.2.1 and 5.2, RFC 8628 section 3.5). */
  readonly error?: string;
  /** The server's own words, a stranger's text: for people to see, never to be acted upon. */
  readonly description?: string;
  /** The HTTP status of the answer. */
  readonly status?: number;
  /** False when the request surely never reached the server: nothing was spent. */
  readonly sent?: boolean;

  /** `evidence` becomes the fields of the same names. */
  constructor(
    code: OAuthErrorCode,
    step: OAuthStep,
    message: string,
    evidence: {
      error?: string | undefined;
      description?: string | undefined;
      status?: number | undefined;
      sent?: boolean | undefined;
      cause?: unknown;
    } = {},
  ) {
    super(code, message, evidence.cause);
    this.step = step;
    if (evidence.error !== undefined) this.error = evidence.error;
    if (evidence.description !== undefined) this.description = evidence.description;
    if (evidence.status !== undefined) this.status = evidence.status;
    if (evidence.sent !== undefined) this.sent = evidence.sent;
  }

  /** The name of the class. */
  override get name(): string {
    return "OAuthError";
  }
}

/** One thing wrong with a value: where (dot path) and what was expected. Never the value itself, which may be secret. */
export interface Issue {
  /** Where, with dots between the names: `result.accessToken`. Empty for the value itself. */
  readonly path: string;
  /** What should have been there. */
  readonly expected: string;
}

/** Data or an answer did not have the shape that its schema asks for. `issues` says where; values are left out. */
export class ValidationError extends LatchkeyError<"INVALID"> {
  /** Everything that was wrong, in order; the message says the first. */
  readonly issues: readonly Issue[];

  /** `subject` says what was checked, for the message. */
  constructor(subject: string, issues: readonly Issue[]) {
    const first = issues[0];
    super("INVALID", `${subject}: ${first ? `"${first.path || "(root)"}" expected ${first.expected}` : "invalid"}`);
    this.issues = issues;
  }

  /** The name of the class. */
  override get name(): string {
    return "ValidationError";
  }
}
