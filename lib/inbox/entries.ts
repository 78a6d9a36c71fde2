/** The routes of one entry: its page, and what can be done about it. Mounted for visitors and for holders of tickets. */
import { Hono } from "hono";
import { LedgerError, ValidationError } from "../base/errors.js";
import type { Entry } from "../ledger/index.js";
import { type AnswerOf, type KindName, wholeData } from "../pending/index.js";
import { readForm } from "./body.js";
import type { Ask, Env, Office } from "./context.js";
import { type Press as AnyPress, answerOf } from "./forms/buttons.js";
import { FormError, readFields } from "./forms/field.js";
import { formOf } from "./forms/table.js";
import { lineOf } from "./lines.js";
import { donePage } from "./pages/door.js";
import { type EntryView, entryPage } from "./pages/entry.js";
import { page } from "./pages/page.js";
import { urlPage } from "./pages/url.js";
import { issuesOf } from "./refusals.js";
import { maySee, visitorOf } from "./visitor.js";

export function entryRoutes(office: Office): Hono<Env> {
  const routes = new Hono<Env>();
  routes.get("/:id", async (ask) => await show(office, ask, await entryOf(office, ask)));
  routes.post("/:id/answer", async (ask) => await answer(office, ask));
  routes.post("/:id/take", async (ask) => {
    const entry = await entryOf(office, ask);
    const { name, session } = visitorOf(ask);
    if ((await office.desk.take(entry, name, session.browser)) === undefined) await refuseTaken(office, entry);
    return ask.redirect(pathOf(ask, entry), 303);
  });
  routes.post("/:id/put-back", async (ask) => {
    const entry = await entryOf(office, ask);
    const work = office.desk.find(entry, visitorOf(ask).session.browser);
    if (work !== undefined) await office.desk.putBack(work);
    return ask.redirect(pathOf(ask, entry), 303);
  });
  routes.post("/:id/url", async (ask) => {
    const entry = await entryOf(office, ask);
    const { name, session } = visitorOf(ask);
    const work = await office.desk.take(entry, name, session.browser);
    if (work === undefined) return await refuseTaken(office, entry);
    const { url }: Record<string, unknown> = { ...wholeData(await work.claim.request(entry.id)) };
    work.url = typeof url === "string" ? url : "";
    return ask.redirect(`${pathOf(ask, entry)}/url`, 303);
  });
  routes.get("/:id/url", async (ask) => {
    const entry = await entryOf(office, ask);
    const url = office.desk.find(entry, visitorOf(ask).session.browser)?.url;
    if (url === undefined) return ask.redirect(pathOf(ask, entry), 303);
    return await page(ask, { title: "An address to open" }, urlPage(entry, pathOf(ask, entry), url));
  });
  return routes;
}

/**
 * The entry that a path names, if this visitor may see it.
 * @throws LedgerError `UNKNOWN_ENTRY`, in the same words for what is not there and what is not theirs
 */
export async function entryOf({ ledger }: Office, ask: Ask): Promise<Entry> {
  const id = ask.req.param("id") ?? "";
  const entry = await ledger.get(id);
  if (entry === undefined || !maySee(visitorOf(ask), entry))
    throw new LedgerError("UNKNOWN_ENTRY", "no such entry for this visitor");
  return entry;
}

export const pathOf = (ask: Ask, { id }: Pick<Entry, "id">): string => `${visitorOf(ask).base}/${id}`;

/** @throws LedgerError `CONFLICT` when it does not wait any more, else `CLAIMED` */
export async function refuseTaken({ ledger }: Office, { id }: Entry): Promise<never> {
  const now = await ledger.get(id);
  if (now?.state !== "open") throw new LedgerError("CONFLICT", "it does not wait any more");
  throw new LedgerError("CLAIMED", "somebody else works on it");
}

/** The page of an entry; with what was sent and is no answer, where that is so. */
export async function show(
  office: Office,
  ask: Ask,
  entry: Entry,
  extra: Partial<Pick<EntryView, "note" | "sent" | "problems" | "json">> = {},
): Promise<Response> {
  const visitor = visitorOf(ask);
  const work = office.desk.find(entry, visitor.session.browser);
  const mine = work !== undefined;
  const { note } = work ?? {};
  if (work !== undefined) work.note = undefined;
  const receipts = await office.ledger.receipts(entry.id);
  const status = extra.problems === undefined ? 200 : 422;
  const body = entryPage({ entry, receipts, visitor, mine, note, ...extra });
  return await page(ask, { title: lineOf(entry), status, live: visitor.base === "/entries" }, body);
}

async function answer(office: Office, ask: Ask): Promise<Response> {
  const entry = await entryOf(office, ask);
  const sent = await readForm(ask);
  try {
    await give(office, ask, entry, answerIn(entry, sent));
  } catch (error) {
    const wrong = problemsOf(error, sent);
    if (wrong === undefined) throw error;
    const json = sent.get("json") ?? undefined;
    return await show(office, ask, entry, { sent, problems: wrong, ...(json === undefined ? {} : { json }) });
  }
  return await thank(ask, entry);
}

/** Where a person goes from an answer: to what waits further, or nowhere. */
export async function thank(ask: Ask, entry: Entry): Promise<Response> {
  if (visitorOf(ask).base === "/entries") return ask.redirect(`/?done=${entry.id}`, 303);
  const text = "Your answer is written down and goes to the session by itself. You can close this window.";
  return await page(ask, { title: "Thank you" }, donePage("Thank you", text));
}

/** Answers under the claim of this browser where it has one. Everybody else's claim is in the way. */
export async function give(
  office: Office,
  ask: Ask,
  entry: Entry,
  said: AnswerOf<KindName>,
  account?: string,
): Promise<void> {
  const { name, session } = visitorOf(ask);
  const options = { by: name, actor: "person", ...(account === undefined ? {} : { account }) } as const;
  const work = office.desk.find(entry, session.browser);
  if (work === undefined) await office.ledger.answer(entry.id, said, options);
  else {
    await work.claim.answer(said, options);
    office.desk.done(work);
  }
}

/** @throws FormError, ValidationError when what was sent is no answer */
function answerIn(entry: Entry, sent: URLSearchParams): AnswerOf<KindName> {
  const press = sent.get("press");
  if (press === "json") return parse(sent.get("json") ?? "");
  if (press === "form") {
    const form = formOf(entry);
    if (form !== undefined) return form.toAnswer(readFields(form.fields, sent));
  }
  const said = isPress(press) ? answerOf(entry.kind, press, sent.get("reason") || undefined) : undefined;
  if (said === undefined) throw new FormError(new Map([["", "That is no answer to this request."]]));
  return said;
}

type Press = Exclude<AnyPress, "form">;
const isPress = (value: string | null): value is Press => value === "yes" || value === "no" || value === "session";

/** Whether it is an answer is checked by the ledger, with the schema of the kind. */
function parse(json: string): AnswerOf<KindName> {
  try {
    return JSON.parse(json);
  } catch {
    throw new FormError(new Map([["json", "This is no JSON."]]));
  }
}

function problemsOf(error: unknown, sent: URLSearchParams): ReadonlyMap<string, string> | undefined {
  if (error instanceof FormError) return error.problems;
  if (!(error instanceof ValidationError)) return undefined;
  return new Map([[sent.get("press") === "json" ? "json" : "", issuesOf(error)]]);
}
