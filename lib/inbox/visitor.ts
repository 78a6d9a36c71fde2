/** Who asks for a page, and what they may see. */
import { createMiddleware } from "hono/factory";
import type { Filter } from "../ledger/index.js";
import type { Ask, Env, Office, Visitor } from "./context.js";
import { readCookie, writeCookie } from "./cookie.js";
import { same } from "./secret.js";
import type { Session } from "./sessions.js";

/** Who asks, on pages that let in nobody else. */
export function visitorOf(ask: Ask): Visitor {
  const visitor = ask.get("visitor");
  if (visitor === undefined) throw new Error("this page lets in everybody");
  return visitor;
}

/** Whether this visitor may see, and answer, an entry. */
export function maySee({ session, base }: Visitor, entry: { id: string; principal?: string }): boolean {
  if (base === "/t/entry") return session.tickets.has(entry.id);
  if (session.sees === undefined) return false;
  return session.sees.principal === undefined || session.sees.principal === entry.principal;
}

/** What of the ledger this visitor sees. */
export const scopeOf = ({ principal }: Visitor): Pick<Filter, "principal"> =>
  principal === undefined ? {} : { principal };

export type Refusal = "enter" | "proxy";

/** Whoever may see the inbox: by the proxy's word, or by a session that a one-time link opened. */
export const admit = (office: Office, refuse: (ask: Ask, why: Refusal) => Response | Promise<Response>) =>
  createMiddleware<Env>(async (ask, next) => {
    const session = office.settings.publicUrl === undefined ? bySession(office, ask) : byProxy(office, ask);
    if (typeof session === "string") return await refuse(ask, session);
    const principal = session.sees?.principal;
    const who = office.settings.publicUrl === undefined ? office.settings.owner : (principal ?? "");
    ask.set("visitor", { session, base: "/entries", name: `${who} in the inbox`, principal });
    return await next();
  });

function bySession(office: Office, ask: Ask): Session | Refusal {
  const session = office.sessions.find(readCookie(office, ask));
  return session?.sees === undefined ? "enter" : session;
}

/** The proxy names the principal with each request; the session only tells browsers apart. */
function byProxy(office: Office, ask: Ask): Session | Refusal {
  const principal = namedByProxy(office, ask);
  if (principal === undefined) return "proxy";
  const cookie = readCookie(office, ask);
  const session = office.sessions.find(cookie);
  if (session?.sees?.principal === principal) return session;
  // Another principal's session, and what it began, is not this one's.
  const opened = office.sessions.open({ sees: { principal } }, cookie);
  writeCookie(office, ask, opened);
  return office.sessions.find(opened) ?? "proxy";
}

/** Undefined where the proxy names nobody, or more than one, or is not the proxy. */
export function namedByProxy({ settings }: Office, ask: Ask): string | undefined {
  const { principalHeader, proxySecret, principal: only } = settings;
  if (proxySecret !== undefined && !same(ask.req.header("x-latchkey-proxy") ?? "", proxySecret)) return undefined;
  const named = valuesOf(ask, principalHeader);
  const [name] = named;
  if (named.length !== 1 || name === undefined || name.trim() === "") return undefined;
  // Header values are bytes; names are sent as UTF-8.
  const principal = Buffer.from(name, "latin1").toString("utf8");
  return only === undefined || only === principal ? principal : undefined;
}

/** Each time that a header was sent: Node would join the values, and whoever adds a second one must not win. */
function valuesOf(ask: Ask, name: string): string[] {
  const { rawHeaders } = ask.env.incoming;
  return rawHeaders.filter((_, at) => at % 2 === 1 && rawHeaders[at - 1]?.toLowerCase() === name);
}

/** Whoever has a ticket: sees the entries of their tickets, and nothing else. */
export const admitTicket = (office: Office, refuse: (ask: Ask, why: Refusal) => Response | Promise<Response>) =>
  createMiddleware<Env>(async (ask, next) => {
    const session = office.sessions.find(readCookie(office, ask));
    if (session === undefined || session.tickets.size === 0) return await refuse(ask, "enter");
    ask.set("visitor", { session, base: "/t/entry", name: "a ticket's holder", principal: undefined });
    return await next();
  });
