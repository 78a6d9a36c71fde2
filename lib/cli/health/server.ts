import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { codeOf } from "../../base/code.js";
import type { Ledger } from "../../ledger/index.js";
import { exit, Stop, UsageError } from "../exit.js";
import type { Log } from "../log.js";
import { collectMetrics } from "./metrics.js";

export interface Health {
  readonly ledger: Pick<Ledger, "list">;
  /** Why it does not do its work now; undefined while it does. The ledger is looked at besides. */
  readonly unready?: () => string | undefined;
  readonly log: Log;
}

/** How long the ledger may take to answer before it counts as away. */
const ledgerLimitMs = 2000;

/**
 * Tells an orchestrator how a command that stays up is. `/live`: its event loop turns. `/ready`: it does its work, and the ledger answers. `/metrics`: for
 * Prometheus. Nothing without a `place`: `PORT` on loopback, or `HOST:PORT`. It keeps no process alive.
 */
export async function serveHealth(
  place: string | undefined,
  { ledger, unready = () => undefined, log }: Health,
): Promise<AsyncDisposable | undefined> {
  if (place === undefined) return undefined;
  const { host, port } = placeOf(place);
  const why = async (): Promise<string | undefined> => unready() ?? (await ledgerTrouble(ledger));
  const metrics = collectMetrics(ledger, async () => (await why()) === undefined);
  const pages: Readonly<Record<string, () => Promise<Page>>> = {
    "/live": async () => ({ status: 200, text: "live\n" }),
    async "/ready"() {
      const trouble = await why();
      return trouble === undefined ? { status: 200, text: "ready\n" } : { status: 503, text: `${trouble}\n` };
    },
    "/metrics": async () => ({
      status: 200,
      text: await metrics.text(),
      type: "text/plain; version=0.0.4; charset=utf-8",
    }),
  };
  const server = createServer((request, response) => void answer(request, response, pages, isLoopback(host)));
  server.unref();
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => {
      const taken = codeOf(error) === "EADDRINUSE";
      reject(new Stop(exit.failed, taken ? `--health: port ${port} is taken` : `--health: ${error.message}`));
    });
    server.listen(port, host, resolve);
  });
  const { address, port: own, family } = server.address() as AddressInfo;
  await log({ did: "health", url: `http://${family === "IPv6" ? `[${address}]` : address}:${own}` });
  return {
    async [Symbol.asyncDispose]() {
      metrics[Symbol.dispose]();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

interface Page {
  readonly status: number;
  readonly text: string;
  readonly type?: string;
}

async function answer(
  { method, url = "", headers }: IncomingMessage,
  response: ServerResponse,
  pages: Readonly<Record<string, () => Promise<Page>>>,
  local: boolean,
): Promise<void> {
  const path = url.split("?")[0] ?? "";
  const page = Object.hasOwn(pages, path) ? pages[path] : undefined;
  let found: Page;
  // A page in a browser may have its name resolved to this machine (DNS rebinding).
  if (local && !isLoopback(hostIn(headers.host))) found = { status: 403, text: "not under this name\n" };
  else if (page === undefined) found = { status: 404, text: "there are /live, /ready and /metrics\n" };
  else if (method !== "GET" && method !== "HEAD") found = { status: 405, text: "GET\n" };
  else found = await page().catch(() => ({ status: 500, text: "failed\n" }));
  const { status, text, type = "text/plain; charset=utf-8" } = found;
  response.writeHead(status, {
    "content-type": type,
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  });
  response.end(method === "HEAD" ? undefined : text);
}

const hostIn = (header = ""): string => header.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
const isLoopback = (host: string): boolean => ["localhost", "127.0.0.1", "::1"].includes(host);

function placeOf(place: string): { host: string; port: number } {
  const [, host = "127.0.0.1", port = ""] = /^(?:(.+):)?(\d{1,5})$/.exec(place) ?? [];
  if (port === "" || Number(port) > 65_535) throw new UsageError("--health must be PORT, or HOST:PORT");
  return { host: host.replace(/^\[|\]$/g, ""), port: Number(port) };
}

async function ledgerTrouble(ledger: Pick<Ledger, "list">): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve("the ledger does not answer"), ledgerLimitMs);
  });
  try {
    return await Promise.race([ledger.list({ limit: 1 }).then(() => undefined), late]);
  } catch (error) {
    return `the ledger is away: ${String(codeOf(error) ?? "error")}`;
  } finally {
    clearTimeout(timer);
  }
}
