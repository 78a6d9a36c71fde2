/**
 * The HTTP of this room. Every URL here was named by a stranger (an MCP server or its authorization server), so each request
 * - goes to https, or to http on loopback (anywhere with `allowHttp`);
 * - goes to no inner network when the MCP server is a public one (unless `allowInner`): the address is checked where the
 *   connection is made, so a name that resolves differently the second time gains nothing;
 * - follows redirects of a GET inside one origin only, and none of a POST: a secret goes to whom it was meant for;
 * - ends after `timeoutMs`, and takes no more than a megabyte.
 */
import { type LookupAddress, lookup } from "node:dns";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import type { LookupFunction } from "node:net";
import { startTimer, waitOf } from "../base/amounts.js";
import { codeOf } from "../base/code.js";
import { OAuthError, type OAuthStep } from "../base/errors.js";
import { isInnerAddress, isInnerHost, isLoopback } from "./address.js";

/** Options of every function of this room that asks a server. */
export interface OAuthOptions {
  /** Ends the work with the signal's reason. */
  signal?: AbortSignal | undefined;
  /**
   * In place of latchkey's own, for a proxy for instance. It is called with `redirect: "manual"`. What a name resolves to is
   * its own affair then.
   */
  fetch?: typeof fetch | undefined;
  /** For each HTTP request. Default 20 000; `Infinity` is no limit. What is no length of time is a `TypeError` before anything is sent. */
  timeoutMs?: number | undefined;
  /** Allows http beyond loopback, for a network that is trusted as a whole. */
  allowHttp?: boolean | undefined;
  /** Allows addresses of inner networks though the MCP server is a public one. */
  allowInner?: boolean | undefined;
}

const sizeLimit = 1024 * 1024;
const redirectLimit = 3;

/** A URL as a string when it may be asked or opened. @throws OAuthError `FORBIDDEN_URL`. */
export function allowedUrl(text: string, resource: string, step: OAuthStep, options: OAuthOptions): URL {
  const forbidden = (why: string, url?: URL) =>
    new OAuthError("FORBIDDEN_URL", step, `${url === undefined ? "a URL" : `"${url.origin}"`} ${why}`, { sent: false });
  if (!URL.canParse(text)) throw forbidden("that a server named is none");
  const url = new URL(text);
  if (url.protocol !== "https:" && !(url.protocol === "http:" && (options.allowHttp || isLoopback(url))))
    throw forbidden("is not https", url);
  if (url.username !== "" || url.password !== "") throw forbidden("was named with a user and a password", url);
  if (!mayBeInner(resource, options) && isInnerHost(url))
    throw forbidden("is in an inner network, and the MCP server is not", url);
  return url;
}

const mayBeInner = (resource: string, options: OAuthOptions): boolean =>
  options.allowInner === true || isInnerHost(new URL(resource));

/** A `fetch` for one step, with the rules at the head of this file. `resource` is the MCP server's. */
export function transport(resource: string, step: OAuthStep, options: OAuthOptions): typeof fetch {
  const inner = mayBeInner(resource, options);
  const limitMs = waitOf(options.timeoutMs ?? 20_000, "timeoutMs");
  const once = async (url: URL, init: RequestInit): Promise<Response> => {
    const limit = new AbortController();
    const stopTimer = startTimer(limitMs, () =>
      limit.abort(new DOMException(`no answer came within ${limitMs} ms`, "TimeoutError")),
    );
    const signal = options.signal === undefined ? limit.signal : AbortSignal.any([options.signal, limit.signal]);
    try {
      signal.throwIfAborted();
      if (options.fetch === undefined) return await send(url, init, { signal, inner, step });
      return await borrowed(options.fetch, url, init, { signal, step });
    } finally {
      stopTimer();
    }
  };
  return async (input, init = {}) => {
    let url = allowedUrl(String(input), resource, step, options);
    for (let hops = 0; ; hops++) {
      const response = await once(url, init);
      const to = response.status >= 300 && response.status < 400 ? response.headers.get("location") : null;
      if (to === null) return response;
      const next = URL.canParse(to, url.href) ? new URL(to, url) : undefined;
      if (init.method !== "GET" || next?.origin !== url.origin || hops === redirectLimit)
        throw new OAuthError("FORBIDDEN_URL", step, `"${url.origin}" redirects where it must not be followed`, {
          status: response.status,
          sent: true,
        });
      url = next;
    }
  };
}

interface Sending {
  readonly signal: AbortSignal;
  readonly step: OAuthStep;
}

/** One request over a connection of its own. `fetch` of Node has no way to check the address that it connects to. */
function send(url: URL, init: RequestInit, { signal, inner, step }: Sending & { inner: boolean }): Promise<Response> {
  return new Promise((resolve, reject) => {
    const body = init.body == null ? undefined : Buffer.from(String(init.body));
    const headers = {
      ...Object.fromEntries(new Headers(init.headers)),
      ...(body && { "content-length": body.length }),
    };
    const start = url.protocol === "https:" ? httpsRequest : httpRequest;
    const request = start(url, {
      ...{ method: init.method ?? "GET", headers, signal, agent: false },
      ...(inner ? {} : { lookup: outerLookup }),
    });
    let connected = false;
    const fail = (cause: unknown): void =>
      reject(signal.aborted ? signal.reason : unreachable(url, step, cause, connected));
    request.once("socket", (socket) => {
      // A socket of its own, that is only now connecting. Nothing is written before TLS has greeted.
      socket.once(url.protocol === "https:" ? "secureConnect" : "connect", () => {
        connected = true;
      });
    });
    request.on("error", fail);
    request.once("response", (response) => {
      collect(response, url, step).then(resolve, (error: unknown) =>
        error instanceof OAuthError ? reject(error) : fail(error),
      );
    });
    request.end(body);
  });
}

async function collect(message: IncomingMessage, url: URL, step: OAuthStep): Promise<Response> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > sizeLimit) throw tooLarge(url, step, message.statusCode);
    chunks.push(chunk);
  }
  return rebuilt(message.statusCode ?? 0, Buffer.concat(chunks), message.headers.location, url, step);
}

async function borrowed(use: typeof fetch, url: URL, init: RequestInit, { signal, step }: Sending): Promise<Response> {
  try {
    const response = await use(url.href, { ...init, redirect: "manual", signal });
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      size += chunk.length;
      if (size > sizeLimit) throw tooLarge(url, step, response.status);
      chunks.push(chunk);
    }
    return rebuilt(response.status, Buffer.concat(chunks), response.headers.get("location") ?? undefined, url, step);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (error instanceof OAuthError) throw error;
    throw unreachable(url, step, error instanceof Error ? (error.cause ?? error) : error, true);
  }
}

/** Of the headers only what is read here: what a challenge or a content type says of an answer changes nothing. */
function rebuilt(status: number, body: Buffer, location: string | undefined, url: URL, step: OAuthStep): Response {
  if (status < 200 || status > 599)
    throw new OAuthError("INVALID_RESPONSE", step, `"${url.origin}" answered with the status ${status}`, { status });
  const headers = { "content-type": "application/json", ...(location === undefined ? {} : { location }) };
  const empty = status === 204 || status === 205 || status === 304;
  return new Response(empty ? null : new Uint8Array(body), { status, headers });
}

const tooLarge = (url: URL, step: OAuthStep, status: number | undefined): OAuthError =>
  new OAuthError("INVALID_RESPONSE", step, `the answer of "${url.origin}" is larger than ${sizeLimit} bytes`, {
    status,
  });

/** Codes of failures that end before a byte of the request is on the wire. */
const unsent =
  /^(ECONNREFUSED|ENOTFOUND|EAI_\w+|EHOSTUNREACH|ENETUNREACH|ERR_TLS_\w+|CERT_\w+|UNABLE_TO_\w+|\w+_SIGNED_CERT\w*)$/;

function unreachable(url: URL, step: OAuthStep, cause: unknown, connected: boolean): OAuthError {
  if (cause instanceof InnerAddressError)
    return new OAuthError("FORBIDDEN_URL", step, `"${url.origin}" ${cause.message}`, { sent: false });
  const code = String(codeOf(cause) ?? "");
  const sent = connected && !unsent.test(code);
  return new OAuthError("UNREACHABLE", step, `no answer from "${url.origin}"${code && `: ${code}`}`, { sent, cause });
}

class InnerAddressError extends Error {}

/** DNS, with what is of an inner network left out. Node connects to what is returned and asks no second time. */
const outerLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, found: LookupAddress[]) => {
    const outer = error ? [] : found.filter(({ address }) => !isInnerAddress(address));
    const first = outer[0];
    if (error) callback(error, "", 0);
    else if (first === undefined)
      callback(new InnerAddressError("is in an inner network, and the MCP server is not"), "", 0);
    else if (options.all) callback(null, outer);
    else callback(null, first.address, first.family);
  });
};
