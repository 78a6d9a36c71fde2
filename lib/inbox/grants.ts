/** Where people have signed in, and signing out. */
import { Hono } from "hono";
import { LedgerError, OAuthError } from "../base/errors.js";
import type { ListedGrant } from "../ledger/index.js";
import { parseGrant } from "../oauth/index.js";
import { readForm } from "./body.js";
import type { Ask, Env, Office } from "./context.js";
import { grantsPage, onlyHere } from "./pages/grants.js";
import { html } from "./pages/html.js";
import { page } from "./pages/page.js";
import { oauthWords } from "./refusals.js";
import { revokeOf } from "./sign-in.js";
import { scopeOf, visitorOf } from "./visitor.js";

export function grantRoutes(office: Office): Hono<Env> {
  const { ledger } = office;
  const routes = new Hono<Env>();
  routes.get("/", async (ask) => {
    const after = ask.req.query("after");
    const grants = await ledger.grants({ ...scopeOf(visitorOf(ask)), limit: 50, after }).catch((error: unknown) => {
      // A place of somebody's own making is the first page.
      if (error instanceof TypeError) return ledger.grants({ ...scopeOf(visitorOf(ask)), limit: 50 });
      throw error;
    });
    return await page(ask, { title: "Sign-ins", place: "grants" }, grantsPage(grants, after !== undefined));
  });
  routes.post("/:id/forget", async (ask) => {
    const { id } = await grantOf(office, ask);
    if ((await readForm(ask)).get("press") === "local") {
      await ledger.forget(id, { by: visitorOf(ask).name, reason: "signed out, here alone" });
      return ask.redirect("/grants", 303);
    }
    return await signOut(office, ask, id);
  });
  return routes;
}

/** @throws LedgerError `UNKNOWN_GRANT` for what is not there and what is not theirs */
async function grantOf({ ledger }: Office, ask: Ask): Promise<ListedGrant> {
  const [grant] = await ledger.grants({ ...scopeOf(visitorOf(ask)), id: ask.req.param("id") ?? "" });
  if (grant === undefined) throw new LedgerError("UNKNOWN_GRANT", "no such grant for this visitor");
  return grant;
}

/** First at the authorization server: what cannot be ended there is not forgotten here. */
async function signOut({ ledger, settings }: Office, ask: Ask, id: string): Promise<Response> {
  await using held = await ledger.holdGrant(id, { owner: visitorOf(ask).name, waitMs: 5000 });
  try {
    const told = held.state === "none" || (await revokeOf(settings.oauth, parseGrant(held.grant)));
    if (!told) return await page(ask, { title: "Sign-ins" }, onlyHere(id, html`It has no way to end a sign-in.`));
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error;
    return await page(ask, { title: "Sign-ins", status: 502 }, onlyHere(id, oauthWords(error)));
  }
  await held.forget({ reason: "signed out" });
  return ask.redirect("/grants", 303);
}
