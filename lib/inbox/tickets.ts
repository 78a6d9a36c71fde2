/**
 * One entry for whoever has its ticket. Looking at the link changes nothing, for previews of chats do it too; pressing its button claims the
 * entry for that browser. The ticket is good until the answer is written, so a link that was opened and left can be opened again.
 */
import { Hono } from "hono";
import { LedgerError } from "../base/errors.js";
import { readForm } from "./body.js";
import type { Ask, Env, Office } from "./context.js";
import { readCookie, writeCookie } from "./cookie.js";
import { leaseMs } from "./desk.js";
import { tooMany } from "./door.js";
import { ticketPage } from "./pages/door.js";
import { page } from "./pages/page.js";

export function ticketRoutes(office: Office): Hono<Env> {
  const routes = new Hono<Env>();
  routes.get("/:ticket", async (ask) => {
    const ticket = ask.req.param("ticket");
    return await guessed(office, ask, async () => {
      const entry = await office.ledger.ticketed(ticket);
      return await page(ask, { title: "A request" }, ticketPage(entry, ticket));
    });
  });
  routes.post("/open", async (ask) => {
    const ticket = (await readForm(ask)).get("ticket") ?? "";
    return await guessed(office, ask, async () => await open(office, ask, ticket));
  });
  return routes;
}

async function open(office: Office, ask: Ask, ticket: string): Promise<Response> {
  const { ledger, sessions, desk } = office;
  const cookie = readCookie(office, ask);
  const session = sessions.find(cookie);
  const entry = await ledger.ticketed(ticket);
  const to = `/t/entry/${entry.id}`;
  // This browser has it open already.
  if (session?.tickets.has(entry.id) && desk.find(entry, session.browser)) return ask.redirect(to, 303);
  const claim = await ledger.redeem(ticket, { owner: "a ticket's holder", leaseMs });
  const { sees, browser, tickets } = session ?? {};
  const opened = sessions.open({ sees, browser, tickets: new Set([...(tickets ?? []), entry.id]) }, cookie);
  const now = sessions.find(opened);
  if (now === undefined) throw new Error("a new session is open");
  desk.hold(claim, now.browser);
  writeCookie(office, ask, opened);
  return ask.redirect(to, 303);
}

/** Wrong tickets are counted by the address that they come from. */
async function guessed(office: Office, ask: Ask, look: () => Promise<Response>): Promise<Response> {
  const address = addressOf(office, ask);
  if (!office.guesses.allows(address)) return await tooMany(ask);
  try {
    return await look();
  } catch (error) {
    if (error instanceof LedgerError && error.code === "UNKNOWN_TICKET") office.guesses.wrong(address);
    throw error;
  }
}

/** Behind a proxy, the address that the proxy saw: it adds it at the end, and what stands before is anybody's. */
function addressOf({ settings }: Office, ask: Ask): string {
  const socket = ask.env.incoming.socket.remoteAddress ?? "";
  if (settings.publicUrl === undefined) return socket;
  return ask.req.header("x-forwarded-for")?.split(",").at(-1)?.trim() || socket;
}
