import { ErrorCodes, ResponseError } from "vscode-jsonrpc/node";
import { ConnectionError, RpcError, type RpcErrorCode } from "../base/errors.js";
import { visible } from "../base/visible.js";

const codes: Record<number, RpcErrorCode> = {
  [ErrorCodes.MethodNotFound]: "METHOD_NOT_FOUND",
  [ErrorCodes.InvalidParams]: "INVALID_PARAMS",
};
/** The runtime's own codes around the connection token. */
const unauthorized = new Set([-32001, -32002, -32003]);

/** A person reads it, a table shows it: nobody needs more of it. */
const longestText = 2000;

/**
 * The runtime's error as ours. It says nearly everything with -32603 and a text, so two texts are told apart here. A runtime's text
 * may quote what it was sent: the secrets of `params` are taken out of it, and what a terminal would obey is escaped.
 */
export function remoteError(
  { code, message, data: given }: ResponseError<unknown>,
  method: string,
  params: object,
): RpcError | ConnectionError {
  const secrets = secretsIn(params);
  const text = visible(scrub(message, secrets), longestText);
  const data = secrets.length === 0 ? given : scrubbed(given, secrets);
  const cause = new ResponseError(code, text, data);
  if (unauthorized.has(code)) return new ConnectionError("UNAUTHORIZED", `${method}: ${text} (${code})`, cause);
  return new RpcError(codes[code] ?? codeOfText(text, method), `${method}: ${text}`, {
    rpcCode: code,
    method,
    data,
    cause,
  });
}

function codeOfText(text: string, method: string): RpcErrorCode {
  if (/Failed to load session events/.test(text)) return "NOT_RESUMABLE";
  // Older runtimes say no more than that; the call loads what is not loaded, so what it does not find is not on disk.
  if (method === "session.resume" && /Session not found/i.test(text)) return "NOT_RESUMABLE";
  if (/Session not found/i.test(text)) return "SESSION_NOT_FOUND";
  return "RPC";
}

const secretName = /token$|secret|password|apikey|api_key|authorization|cookie|^code$|verifier|callbackurl/i;
/** Whatever stands in these may be a secret. */
const secretPlace = /headers$|^env$/i;

/** The secret texts of a call's params, the longest first. */
function secretsIn(params: object): string[] {
  const found = new Set<string>();
  const add = (text: string): void => {
    // A scheme before a token, the parameters of a URL: each may be quoted by itself.
    if (text.length >= 6) found.add(text);
    // The error code of a callback (RFC 6749 section 4.1.2.1) is the reason, and none.
    const parts = text.replace(/[?&]error=\w*/g, "&").split(/[\s?&=#]+/);
    for (const part of parts) if (part.length >= 8) found.add(part);
  };
  const left: { value: object; secret: boolean }[] = [{ value: params, secret: false }];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    for (const [name, value] of Object.entries(next.value)) {
      const secret = next.secret || (Array.isArray(next.value) ? false : secretName.test(name));
      if (typeof value === "string" && secret) add(value);
      else if (typeof value === "object" && value !== null)
        left.push({ value, secret: secret || secretPlace.test(name) });
    }
  }
  return [...found].sort((a, b) => b.length - a.length);
}

function scrub(text: string, secrets: readonly string[]): string {
  let clean = text;
  for (const secret of secrets)
    for (const form of new Set([secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)]))
      clean = clean.replaceAll(form, "[redacted]");
  return clean;
}

/** What is nested deeper than any error of a runtime is left out. */
function scrubbed(data: unknown, secrets: readonly string[], levels = 50): unknown {
  if (typeof data === "string") return scrub(data, secrets);
  if (typeof data !== "object" || data === null) return data;
  if (levels === 0) return "[redacted]";
  if (Array.isArray(data)) return data.map((item: unknown) => scrubbed(item, secrets, levels - 1));
  const entries = Object.entries(data).map(([name, inner]) => [name, scrubbed(inner, secrets, levels - 1)]);
  return Object.fromEntries(entries);
}

export const isResponseError = (error: unknown): error is ResponseError<unknown> => error instanceof ResponseError;
