import { userInfo } from "node:os";
import { checkPrincipal } from "../base/principal.js";
import type { ChooseClientOptions, RegisteredClient, Registration } from "../oauth/index.js";

/** How the inbox signs people in: what `chooseClient` takes. Its redirect URI is the inbox's own `/callback`. */
export interface InboxOAuth extends Omit<ChooseClientOptions, "register" | "registered" | "signal"> {
  /** Clients that authorization servers know already, each for its issuer alone: an MCP server names whichever server it likes. */
  registered?: readonly (RegisteredClient & { issuer: string })[] | undefined;
  /** How to register a client where there is none (RFC 7591); `false` registers none. Default `{ name: "latchkey" }`. */
  register?: Omit<Registration, "redirectUris"> | false | undefined;
}

/** Options of `serveInbox`. */
export interface InboxOptions {
  /** Default any that is free. */
  port?: number | undefined;
  /** The address to listen at: a loopback one, unless there is a `publicUrl`. Default `127.0.0.1`. */
  host?: string | undefined;
  /**
   * The https origin at which a proxy that authenticates people offers the inbox. Whoever comes through it sees their own principal's
   * requests; one-time links do not exist then.
   */
  publicUrl?: string | undefined;
  /** The header in which that proxy names the principal. It must take it away from what comes from outside. Default `x-forwarded-user`. */
  principalHeader?: string | undefined;
  /** What that proxy has to send as `x-latchkey-proxy`, so that nobody else who reaches the port can name a principal. */
  proxySecret?: string | undefined;
  /** Shows only what is asked on this principal's behalf. */
  principal?: string | undefined;
  /** Who answers, for claims and receipts. Default the user of the operating system; with a `publicUrl`, the principal. */
  owner?: string | undefined;
  /** How people sign in at authorization servers. */
  oauth?: InboxOAuth | undefined;
  /** Told of what went wrong while a page was made, other than what the page itself explains. */
  onError?: ((error: unknown) => void) | undefined;
}

/** Checked options. */
export interface Settings {
  readonly port: number;
  readonly host: string;
  readonly publicUrl: URL | undefined;
  readonly principalHeader: string;
  readonly proxySecret: string | undefined;
  readonly principal: string | undefined;
  readonly owner: string;
  readonly oauth: InboxOAuth;
  readonly onError: (error: unknown) => void;
}

const loopback = /^(127\.\d{1,3}\.\d{1,3}\.\d{1,3}|::1|localhost)$/;

/** @throws TypeError for options that are none, or that would open the inbox to the network. */
export function settingsOf(options: InboxOptions): Settings {
  const { port = 0, host = "127.0.0.1", publicUrl, proxySecret, owner, oauth = {} } = options;
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new TypeError('"port" must be a port, or 0');
  const url = publicUrl === undefined ? undefined : publicOrigin(publicUrl);
  if (url === undefined && !loopback.test(host))
    throw new TypeError('"host" must be a loopback address: for others put a proxy before it, and say its "publicUrl"');
  if (url === undefined && (options.principalHeader !== undefined || proxySecret !== undefined))
    throw new TypeError('"principalHeader" and "proxySecret" go with a "publicUrl"');
  if (proxySecret !== undefined && proxySecret.length < 16)
    throw new TypeError('"proxySecret" must have at least 16 characters');
  const principalHeader = (options.principalHeader ?? "x-forwarded-user").toLowerCase();
  if (!/^[a-z0-9-]+$/.test(principalHeader)) throw new TypeError('"principalHeader" must be the name of a header');
  return {
    ...{ port, host, publicUrl: url, principalHeader, proxySecret, oauth },
    principal: checkPrincipal(options.principal),
    owner: owner ?? userInfo().username,
    onError: options.onError ?? (() => undefined),
  };
}

/** http is for tests and tunnels on loopback. */
function publicOrigin(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const safe = url?.protocol === "https:" || (url?.protocol === "http:" && loopback.test(url.hostname));
  if (url === undefined || !safe || url.href !== `${url.origin}/`)
    throw new TypeError('"publicUrl" must be an https origin, without a path');
  return url;
}
