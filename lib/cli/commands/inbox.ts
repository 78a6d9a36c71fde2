import { readFileSync } from "node:fs";
import { codeOf, isCode } from "../../base/code.js";
import type { Inbox, InboxOAuth, InboxOptions } from "../../inbox/index.js";
import { exit, explainShort, Stop, UsageError } from "../exit.js";
import { serveHealth } from "../health/server.js";
import { type Io, oneLine, print, remark } from "../io.js";
import { createLog, type Log } from "../log.js";
import { openBrowser } from "../open-browser.js";
import { reachLedger } from "../reach.js";

interface Flags {
  ledger?: string | undefined;
  port?: string | undefined;
  host?: string | undefined;
  principal?: string | undefined;
  owner?: string | undefined;
  issuer?: string | undefined;
  json?: boolean | undefined;
  health?: string | undefined;
  "public-url"?: string | undefined;
  "principal-header"?: string | undefined;
  "no-open"?: boolean | undefined;
  "client-id"?: string | undefined;
  "client-secret-file"?: string | undefined;
  "client-metadata-url"?: string | undefined;
  "allow-http"?: boolean | undefined;
}

/** The same on every machine: the redirect URI of a client that was registered has it. */
const usualPort = 17_846;

/** Serves the inbox until a signal ends it. */
export async function inbox(flags: Flags, io: Io): Promise<undefined> {
  const log = createLog(flags.json === true, io);
  const options = optionsOf(flags, io, log);
  await using ledger = await reachLedger(flags.ledger, { signal: io.signal });
  const { serveInbox } = await import("../../inbox/index.js");
  await using served = await serveInbox(ledger, options).catch((error: unknown) => {
    throw startProblem(error, options.port);
  });
  const { url, origin, listens } = served;
  await log({ did: "listens", url, origin, listens }, url);
  await using _health = await serveHealth(flags.health, { ledger, log });
  await greet(served, flags, io);
  if (io.signal.aborted) return undefined;
  await new Promise<void>((resolve) => io.signal.addEventListener("abort", () => resolve(), { once: true }));
  return undefined;
}

async function greet(served: Inbox, flags: Flags, io: Io): Promise<void> {
  if (flags["public-url"] !== undefined) {
    await remark(io.err, `the proxy's way leads to ${served.listens}`);
    return;
  }
  if (!flags["no-open"] && !(await openBrowser(served.url)))
    await print(io.err, "no browser could be opened: open the link yourself. It lets in once, within ten minutes");
  if (!io.in.isTTY) return;
  await remark(io.err, "Enter prints another link, Ctrl-C ends");
  const { createInterface } = await import("node:readline");
  const lines = createInterface({ input: io.in });
  lines.on("line", () => void print(io.out, served.link()));
  io.signal.addEventListener("abort", () => lines.close(), { once: true });
}

function optionsOf(flags: Flags, io: Io, log: Log): InboxOptions {
  const publicUrl = flags["public-url"];
  if (publicUrl === undefined && (flags.host ?? flags["principal-header"]) !== undefined)
    throw new UsageError("--host and --principal-header go with --public-url");
  return {
    port: portOf(flags.port),
    ...{ host: flags.host, publicUrl, principalHeader: flags["principal-header"] },
    proxySecret: publicUrl === undefined ? undefined : process.env.LATCHKEY_PROXY_SECRET || undefined,
    ...{ principal: flags.principal, owner: flags.owner, oauth: oauthOf(flags) },
    onError: (error) =>
      void (flags.json
        ? log({ did: "failed", level: "error", why: explainShort(error) })
        : print(io.err, `latchkey inbox: ${oneLine(explainShort(error))}`)),
  };
}

function portOf(text: string | undefined): number {
  if (text === undefined) return usualPort;
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) throw new UsageError("--port must be a port, 0 to 65535");
  return Number(text);
}

function oauthOf(flags: Flags): InboxOAuth {
  const { issuer, "client-id": clientId, "client-secret-file": secretFile } = flags;
  // An MCP server names its authorization server: without an issuer, one of a stranger could ask for the secret.
  if ((clientId === undefined) !== (issuer === undefined))
    throw new UsageError(
      "--client-id and --issuer go together: the client, and the authorization server that knows it",
    );
  if (secretFile !== undefined && clientId === undefined)
    throw new UsageError("--client-secret-file goes with --client-id");
  const clientSecret = secretFile === undefined ? undefined : secretIn(secretFile);
  return {
    ...{ metadataUrl: flags["client-metadata-url"], allowHttp: flags["allow-http"] },
    registered: clientId === undefined || issuer === undefined ? undefined : [{ clientId, issuer, clientSecret }],
  };
}

function secretIn(file: string): string {
  try {
    const secret = readFileSync(file, "utf8").trim();
    if (secret !== "") return secret;
  } catch (error) {
    throw new Stop(exit.usage, `"${oneLine(file)}" cannot be read (${String(codeOf(error))})`);
  }
  throw new UsageError(`"${oneLine(file)}" is empty`);
}

function startProblem(error: unknown, port: number | undefined): unknown {
  if (isCode(error, "EADDRINUSE"))
    return new Stop(exit.failed, `port ${port} is taken, perhaps by another inbox: --port 0 takes any that is free`);
  return error instanceof TypeError ? new UsageError(error.message, "inbox") : error;
}
