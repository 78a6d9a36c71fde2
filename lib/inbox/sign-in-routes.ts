/** The pages of a sign-in, and the way back from the authorization server. */
import type { Hono } from "hono";
import { LedgerError, OAuthError } from "../base/errors.js";
import type { Entry } from "../ledger/index.js";
import { toAnswer } from "../oauth/index.js";
import { readForm } from "./body.js";
import type { Ask, Env, Office, Visitor } from "./context.js";
import { readCookie } from "./cookie.js";
import { leaseMs, type Work } from "./desk.js";
import { entryOf, give, pathOf, refuseTaken, thank } from "./entries.js";
import { html, told } from "./pages/html.js";
import { notice, page, problem } from "./pages/page.js";
import { confirmPage, leavePage } from "./pages/sign-in.js";
import { oauthWords } from "./refusals.js";
import type { Session } from "./sessions.js";
import { begin, keepGrant, refuse, type SignIns, stashedFlow, takeBack } from "./sign-in.js";
import { maySee, namedByProxy, visitorOf } from "./visitor.js";

export function signInRoutes(office: Office, signIns: SignIns, routes: Hono<Env>): void {
  routes.post("/:id/sign-in", async (ask) => await beginHere(office, signIns, ask));
  routes.get("/:id/sign-in", async (ask) => {
    const { entry, work } = await atWork(office, ask);
    if (work?.stage?.at !== "flow") return ask.redirect(pathOf(ask, entry), 303);
    const body = leavePage({ entry, visitor: visitorOf(ask), flow: work.stage.flow });
    return await page(ask, { title: "Sign in" }, body);
  });
  routes.get("/:id/confirm", async (ask) => {
    const { entry, work } = await atWork(office, ask);
    if (work?.stage?.at !== "unconfirmed") return ask.redirect(pathOf(ask, entry), 303);
    const body = confirmPage({ entry, visitor: visitorOf(ask), grant: work.stage.grant });
    return await page(ask, { title: "Is this the right account?" }, body);
  });
  routes.post("/:id/confirm", async (ask) => await confirm(office, signIns, ask));
}

async function atWork(office: Office, ask: Ask): Promise<{ entry: Entry; work: Work | undefined }> {
  const entry = await entryOf(office, ask);
  return { entry, work: office.desk.find(entry, visitorOf(ask).session.browser) };
}

async function beginHere(office: Office, signIns: SignIns, ask: Ask): Promise<Response> {
  const { entry, work: held } = await atWork(office, ask);
  if (entry.kind !== "mcp.oauth_required") throw new LedgerError("UNKNOWN_ENTRY", "it asks for no sign-in");
  const { base, name, session } = visitorOf(ask);
  const work = held ?? (base === "/entries" ? await office.desk.take(entry, name, session.browser) : undefined);
  if (work === undefined) return await refuseTaken(office, entry);
  if (work.stage?.at === "unconfirmed") return ask.redirect(`${pathOf(ask, entry)}/confirm`, 303);
  try {
    // What is kept is the principal's; a ticket is for a stranger to it.
    const begun = await begin(signIns, work, { tryKept: base === "/entries" });
    if ("flow" in begun) return ask.redirect(`${pathOf(ask, entry)}/sign-in`, 303);
    await give(office, ask, entry, toAnswer(begun.kept), begun.kept.account);
    return await thank(ask, entry);
  } catch (error) {
    // Nothing has begun, so others need not wait.
    if (held === undefined) await office.desk.putBack(work).catch(() => undefined);
    throw error;
  }
}

async function confirm(office: Office, signIns: SignIns, ask: Ask): Promise<Response> {
  const { entry, work } = await atWork(office, ask);
  if (work?.stage?.at !== "unconfirmed") return ask.redirect(pathOf(ask, entry), 303);
  const { grant } = work.stage;
  if ((await readForm(ask)).get("press") === "yes") {
    const answer = toAnswer(grant);
    // A ticket's answer serves its entry alone.
    if (visitorOf(ask).base === "/entries") await keepGrant(work, grant);
    await give(office, ask, entry, answer, grant.account);
    return await thank(ask, entry);
  }
  const revoked = await refuse(signIns, work, grant);
  work.note = notice(
    "plain",
    html`Nothing of that account was kept${revoked ? ", and its authorization server took the access back" : ""}. Sign out at <b>${told(new URL(grant.issuer).host, 200)}</b> before you sign in again, or it takes the same account.`,
  );
  return ask.redirect(pathOf(ask, entry), 303);
}

/**
 * `/callback`. Whoever comes here with a `state` that is not their browser's own is not who began, and perhaps not even knows what this is:
 * neither their account nor somebody else's gets under the request.
 */
export async function callback(office: Office, signIns: SignIns, ask: Ask): Promise<Response> {
  const session = office.sessions.find(readCookie(office, ask));
  const state = ask.req.query("state") ?? "";
  if (session === undefined || !isWhoItWas(office, ask, session)) return await foreign(ask);
  if (state === "") return await noFlow(ask);
  const found = office.desk.findFlow(state) ?? (await claimed(office, session, state));
  if (found === undefined) return await noFlow(ask);
  if (found === "foreign" || found.browser !== session.browser || found.stage?.at !== "flow") return await foreign(ask);
  const { entry } = found.claim;
  const visitor = visitorFor(office, session, entry);
  if (visitor === undefined) return await foreign(ask);
  const at = `${visitor.base}/${entry.id}`;
  try {
    await takeBack(signIns, found, found.stage.flow, ask.req.url);
    return ask.redirect(`${at}/confirm`, 303);
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error;
    // Not here: the address has a code in it, and would stay in the browser's history.
    found.note = notice("bad", html`The sign-in did not work. ${oauthWords(error)}`);
    return ask.redirect(at, 303);
  }
}

/** With a proxy, the session's principal has to be the one that the proxy names now. Holders of tickets need none. */
function isWhoItWas(office: Office, ask: Ask, { sees }: Session): boolean {
  if (office.settings.publicUrl === undefined || sees === undefined) return true;
  return namedByProxy(office, ask) === sees.principal;
}

function visitorFor({ settings }: Office, session: Session, entry: Entry): Visitor | undefined {
  const principal = session.sees?.principal;
  const who = settings.publicUrl === undefined ? settings.owner : (principal ?? "");
  const own: Visitor = { session, base: "/entries", name: `${who} in the inbox`, principal };
  if (maySee(own, entry)) return own;
  const ticket: Visitor = { session, base: "/t/entry", name: "a ticket's holder", principal: undefined };
  return maySee(ticket, entry) ? ticket : undefined;
}

/** A flow that this process does not work on: begun by another one, which has given it back or died. */
async function claimed(office: Office, session: Session, state: string): Promise<Work | "foreign" | undefined> {
  const owner = `${session.sees?.principal ?? office.settings.owner} in the inbox`;
  const claim = await office.ledger.claim({ tag: state }, { owner, leaseMs });
  if (claim === undefined) return undefined;
  const found = await stashedFlow(claim).catch(() => undefined);
  const visitor = visitorFor(office, session, claim.entry);
  // Who has only a ticket works under the ticket's own claim; and what a browser began is that browser's.
  const may = visitor?.base === "/entries" && (found?.browser ?? session.browser) === session.browser;
  if (found === undefined || !may) {
    await claim.release();
    return found === undefined ? undefined : "foreign";
  }
  const work = office.desk.hold(claim, session.browser);
  work.stage = { at: "flow", flow: found.flow };
  return work;
}

const foreign = (ask: Ask): Promise<Response> =>
  problem(ask, 403, {
    title: "This sign-in began in another browser",
    what: "Nothing was done with the account that you have just signed in with. A link to sign in is for the person who began, in the browser where they began.",
    next: "If that was you, go on in that browser. If somebody sent you the link, tell them no.",
  });

const noFlow = (ask: Ask): Promise<Response> =>
  problem(ask, 409, {
    title: "No sign-in waits for this",
    what: "It was answered or ended, or somebody else works on it now.",
    next: html`Reload this page in a minute, or begin again from <a href="/">what waits</a>.`,
  });
