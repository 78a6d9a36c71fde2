/** How one gets in, and out. */
import { Hono } from "hono";
import { readForm } from "./body.js";
import type { Ask, Env, Office } from "./context.js";
import { dropCookie, readCookie, writeCookie } from "./cookie.js";
import { enterPage } from "./pages/door.js";
import { html } from "./pages/html.js";
import { page, problem } from "./pages/page.js";
import type { Refusal } from "./visitor.js";

export function doorRoutes(office: Office): Hono<Env> {
  const routes = new Hono<Env>();
  // Behind a proxy there are no links: it says who comes.
  if (office.settings.publicUrl === undefined) {
    routes.get("/enter/:token", async (ask) => {
      const token = ask.req.param("token");
      return meant(ask)
        ? await enter(office, ask, token)
        : await page(ask, { title: "Open the inbox" }, enterPage(token));
    });
    routes.post("/enter", async (ask) => await enter(office, ask, (await readForm(ask)).get("token") ?? ""));
  }
  routes.post("/leave", (ask) => {
    const cookie = readCookie(office, ask);
    if (cookie !== undefined) office.sessions.close(cookie);
    dropCookie(office, ask);
    return problem(ask, 200, { title: "You have left", what: "This browser sees nothing of the inbox any more." });
  });
  return routes;
}

/** Whether somebody opened this address by themselves: no other page led here, and no browser fetches it in advance. */
function meant(ask: Ask): boolean {
  const ahead = /prefetch|preview/i.test(`${ask.req.header("sec-purpose")} ${ask.req.header("purpose")}`);
  return !ahead && ["none", "same-origin"].includes(ask.req.header("sec-fetch-site") ?? "");
}

async function enter(office: Office, ask: Ask, token: string): Promise<Response> {
  const address = ask.env.incoming.socket.remoteAddress ?? "";
  if (!office.guesses.allows(address)) return await tooMany(ask);
  const found = office.sessions.useLink(token);
  if (found !== "entered") {
    if (found === "unknown") office.guesses.wrong(address);
    return await problem(ask, 403, linkWords[found]);
  }
  const { principal } = office.settings;
  writeCookie(office, ask, office.sessions.open({ sees: { principal } }, readCookie(office, ask)));
  return ask.redirect("/", 303);
}

const another = html`Whoever runs the inbox gets another link from <code>latchkey inbox</code>.`;
const linkWords = {
  used: { title: "This link was used already", what: "A link lets somebody in once.", next: another },
  expired: { title: "This link is too old", what: "A link is good for ten minutes.", next: another },
  unknown: {
    title: "This link is not one of this inbox",
    what: "It may be cut, or the inbox was started anew.",
    next: another,
  },
} as const;

export const tooMany = (ask: Ask): Promise<Response> => {
  ask.header("retry-after", "60");
  return problem(ask, 429, { title: "Too many wrong links", what: "Wait for a minute, then try the right one." });
};

/** For whoever is not let in. */
export const refuseEntrance = (ask: Ask, why: Refusal): Promise<Response> =>
  why === "enter"
    ? problem(ask, 401, {
        title: "You are not in",
        what: "This browser has no session with the inbox. A link lets you in, once.",
        next: another,
      })
    : problem(ask, 401, {
        title: "Nobody said who you are",
        what: "This inbox stands behind a proxy that signs people in. It did not name you, or this is not it.",
        next: html`Open the inbox at its public address.`,
      });
