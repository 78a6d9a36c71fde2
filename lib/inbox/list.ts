/** The lists: what waits, what is on its way, what is done. */
import { Hono } from "hono";
import type { Filter, State } from "../ledger/index.js";
import { isKind } from "../pending/index.js";
import type { Ask, Env, Office } from "./context.js";
import { lineOf } from "./lines.js";
import { stateOf } from "./pages/entry-parts.js";
import { html, told } from "./pages/html.js";
import { type ListView, listPage } from "./pages/list.js";
import { notice, page } from "./pages/page.js";
import { maySee, scopeOf, visitorOf } from "./visitor.js";

const pageSize = 50;

const shown: Readonly<Record<ListView["place"], readonly State[]>> = {
  waiting: ["open"],
  moving: ["answered", "sent"],
  done: ["settled", "lost", "superseded", "expired", "cancelled"],
};

export function listRoutes(office: Office): Hono<Env> {
  const routes = new Hono<Env>();
  routes.get("/", async (ask) => {
    const { show = "waiting", kind = "", after } = ask.req.query();
    const place = show === "moving" || show === "done" ? show : "waiting";
    const visitor = visitorOf(ask);
    const filter: Filter = {
      ...scopeOf(visitor),
      state: shown[place],
      kind: isKind(kind) ? kind : undefined,
    };
    const entries = await office.ledger.list({
      ...filter,
      limit: pageSize,
      after: isCursor(after) ? after : undefined,
    });
    const body = listPage({
      place,
      kind: filter.kind === undefined || !isKind(kind) ? undefined : kind,
      entries,
      further: isCursor(after),
      isMine: (entry) => office.desk.find(entry, visitor.session.browser) !== undefined,
    });
    const title =
      place === "waiting" && entries.length > 0 ? `(${entries.length}${entries.next ? "+" : ""}) Inbox` : "Inbox";
    return await page(ask, { title, place, live: true }, [await doneNotice(office, ask), body]);
  });
  return routes;
}

/** An address of somebody's own making is a first page. */
const isCursor = (after: string | undefined): after is string =>
  after !== undefined && /^\d{1,16}\..{1,200}$/.test(after);

/** What has just been answered. */
async function doneNotice({ ledger }: Office, ask: Ask) {
  const id = ask.req.query("done");
  const entry = id === undefined ? undefined : await ledger.get(id);
  if (entry === undefined || !maySee(visitorOf(ask), entry)) return html``;
  return notice("good", html`<a href="/entries/${entry.id}">${told(lineOf(entry), 100)}</a>: ${stateOf(entry)}.`);
}
