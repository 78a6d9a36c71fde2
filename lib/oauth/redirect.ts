/**
 * Takes the browser back on loopback (RFC 8252 section 7.3). What arrives may come from any page that the browser has open: it is
 * handed on as it is, and `finishCode` tells by its state whether it belongs to the sign-in.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { until } from "../base/until.js";

/** Options of `listenForRedirect`. */
export interface ListenOptions {
  /** Default any that is free. */
  port?: number | undefined;
  /** Default `/callback`. */
  path?: string | undefined;
  /** Ends the listening. */
  signal?: AbortSignal | undefined;
}

/** A listener on loopback that takes the browser back. */
export interface RedirectListener extends AsyncDisposable {
  /** For `beginCode` and registration. */
  readonly redirectUri: string;
  /** The next URL that a browser came back to. Rejects with `reason` or an AbortError when the listening ends. */
  next(options?: { signal?: AbortSignal | undefined; timeoutMs?: number | undefined }): Promise<string>;
  /** Ends the listening; resolves when the port is free. `await using` does it too. */
  close(): Promise<void>;
}

const keptLimit = 16;
const page = `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Signed in</title><p>That is all. This window can be closed.</p></html>`;

const headers = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  connection: "close",
};

/**
 * @throws TypeError when `path` is none; what listening on a port can cause, such as `EADDRINUSE`
 * @example
 * ```ts
 * import { type Authority, beginCode, type Client, finishCode, listenForRedirect } from "latchkey/oauth";
 *
 * export async function signIn(authority: Authority, client: Client) {
 *   await using listener = await listenForRedirect();
 *   const flow = await beginCode(authority, client, { redirectUri: listener.redirectUri });
 *   console.log(`Open ${flow.url}`);
 *   return await finishCode(flow, await listener.next({ timeoutMs: 300_000 }));
 * }
 * ```
 */
export async function listenForRedirect(options: ListenOptions = {}): Promise<RedirectListener> {
  const path = options.path ?? "/callback";
  if (!/^\/[\w\-./~]*$/.test(path)) throw new TypeError('"path" must begin with a slash and be plain');
  options.signal?.throwIfAborted();
  const arrived: string[] = [];
  const waiting = new Set<{ resolve: (url: string) => void; reject: (reason: unknown) => void }>();
  let ended: { reason: unknown } | undefined;
  let origin = "";

  const server = createServer((request, response) => {
    const url = callbackIn(request, origin, path);
    respond(response, url === undefined ? 404 : 200);
    if (url === undefined) return;
    const [first] = waiting;
    if (first !== undefined) first.resolve(url);
    else if (arrived.length < keptLimit) arrived.push(url);
  });
  server.headersTimeout = 10_000;
  server.requestTimeout = 10_000;
  await until<void>({ signal: options.signal }, (resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, "127.0.0.1", resolve);
    return () => server.off("error", reject);
  }).catch((error: unknown) => {
    server.close();
    throw error;
  });
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const end = (reason: unknown): void => {
    if (ended !== undefined) return;
    ended = { reason };
    options.signal?.removeEventListener("abort", aborted);
    for (const { reject } of waiting) reject(reason);
    server.close();
    server.closeAllConnections();
  };
  const aborted = (): void => end(options.signal?.reason);
  options.signal?.addEventListener("abort", aborted, { once: true });
  const closed = new Promise<void>((resolve) => server.once("close", resolve));
  const close = async (): Promise<void> => {
    end(new DOMException("the listening for a redirect has ended", "AbortError"));
    await closed;
  };

  return {
    redirectUri: `${origin}${path}`,
    async next(wait = {}) {
      const url = arrived.shift();
      if (url !== undefined) return url;
      if (ended !== undefined) throw ended.reason;
      return await until<string>(wait, (resolve, reject) => {
        const waiter = { resolve, reject };
        waiting.add(waiter);
        return () => waiting.delete(waiter);
      });
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** A GET of our path, by our own name (not one that a page has rebound to loopback), with an answer in it. */
function callbackIn({ method, url = "", headers }: IncomingMessage, origin: string, path: string): string | undefined {
  const port = new URL(origin).port || "80";
  const ours = [`127.0.0.1:${port}`, `localhost:${port}`].includes(headers.host ?? "");
  if (method !== "GET" || !ours || url.length > 16_384 || !URL.canParse(url, origin)) return undefined;
  const callback = new URL(url, origin);
  if (callback.origin !== origin || callback.pathname !== path) return undefined;
  return callback.searchParams.has("code") || callback.searchParams.has("error") ? callback.href : undefined;
}

function respond(response: ServerResponse, status: number): void {
  response.writeHead(status, headers).end(status === 200 ? page : "");
}
