import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { until } from "../base/until.js";
import type { Ledger } from "../ledger/index.js";
import { createApp } from "./app.js";
import { Desk } from "./desk.js";
import { Limiter } from "./limiter.js";
import { News } from "./news.js";
import { type InboxOptions, settingsOf } from "./options.js";
import { Sessions } from "./sessions.js";

/** A page of what waits, being served. */
export interface Inbox extends AsyncDisposable {
  /** What to open in a browser: a link that lets in once, within ten minutes. With a `publicUrl`, that. */
  readonly url: string;
  /** Where it is, without a right to enter: `http://127.0.0.1:8719`. */
  readonly origin: string;
  /** Where the server listens, for a proxy: `http://127.0.0.1:8719`. Without a `publicUrl` the same as `origin`. */
  readonly listens: string;
  /**
   * Another link that lets in once.
   * @throws TypeError with a `publicUrl`: there the proxy says who comes
   */
  link(): string;
  /** Ends the server and gives back what its people work on. The ledger stays open. */
  close(): Promise<void>;
}

/**
 * Serves the inbox from a ledger alone: what waits, live; sign-ins, approvals, forms; receipts and grants. On loopback, with a session
 * that a one-time link opens; with a `publicUrl`, behind a proxy that signs people in.
 *
 * One timer prolongs the claims of those who work on something, while there are any; one for each open page keeps its stream alive.
 * @throws TypeError for options that are none; what listening on a port can cause, such as `EADDRINUSE`
 * @example
 * ```ts
 * import { serveInbox } from "latchkey/inbox";
 * import { openLedger } from "latchkey/ledger";
 *
 * await using ledger = await openLedger("latchkey.db");
 * await using inbox = await serveInbox(ledger, { port: 8719 });
 * console.log(`Open ${inbox.url}`); // lets in once
 * ```
 */
export async function serveInbox(ledger: Ledger, options: InboxOptions = {}): Promise<Inbox> {
  const settings = settingsOf(options);
  const server = createServer();
  server.headersTimeout = 20_000;
  server.requestTimeout = 60_000;
  await until<void>({}, (resolve, reject) => {
    server.once("error", reject);
    server.listen(settings.port, settings.host, resolve);
    return () => server.off("error", reject);
  });
  const { port } = server.address() as AddressInfo;
  const listens = `http://${settings.host.includes(":") ? `[${settings.host}]` : settings.host}:${port}`;
  const origin = settings.publicUrl?.origin ?? listens;
  const [sessions, desk] = [new Sessions(), new Desk(ledger)];
  const news = new News(ledger, settings.onError);
  const app = createApp({ ledger, settings, origin, sessions, desk, guesses: new Limiter() }, news);
  const listener = getRequestListener((request, bindings) => app.fetch(request, bindings), {
    overrideGlobalObjects: false,
  });
  server.on("request", (incoming, outgoing) => void listener(incoming, outgoing));
  const link = (): string => {
    if (settings.publicUrl !== undefined) throw new TypeError("behind a proxy there are no links: it says who comes");
    return `${origin}/enter/${sessions.link()}`;
  };
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= end();
    return closing;
  };
  const end = async (): Promise<void> => {
    news.close();
    await desk.close();
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  };
  return {
    ...{ origin, listens, link, close },
    url: settings.publicUrl === undefined ? link() : `${origin}/`,
    [Symbol.asyncDispose]: close,
  };
}
