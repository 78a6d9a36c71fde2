/** One request for whoever has its ticket. */

import { type Inbox, serveInbox } from "latchkey/inbox";
import { type Entry, type Ledger, openLedger } from "latchkey/ledger";
import * as assert from "uvu/assert";
import { asked, samples } from "../support/inbox/requests.js";
import { enter, Visitor } from "../support/inbox/visit.js";
import { suite } from "../support/suite.js";

const test = suite("inbox tickets");
let ledger: Ledger;
let inbox: Inbox;
let entry: Entry;
let ticket: string;

test.before.each(async () => {
  ledger = await openLedger(":memory:", { key: "11".repeat(32) });
  inbox = await serveInbox(ledger, { owner: "ada" });
  entry = await record();
  ticket = await ledger.ticket(entry.id, { expiresAt: new Date(Date.now() + 60_000), by: "test" });
});
test.after.each(async () => {
  await inbox.close();
  await ledger.close();
});

const record = (): Promise<Entry> =>
  ledger.record(asked("permission.requested", samples["permission.requested"] ?? {}));
const open = (guest: Visitor) => guest.post("/t/open", { ticket });
const at = (): string => `/t/entry/${entry.id}`;

test("shows one request to whoever has the link, and takes one answer", async () => {
  const guest = new Visitor(inbox.origin);
  const { status, text } = await guest.get(`/t/${ticket}`);
  assert.is(status, 200);
  assert.match(text, "Run npm publish --tag next");
  assert.is(guest.cookie, "");
  assert.is((await ledger.get(entry.id))?.claim, undefined, "to look is not to take");
  assert.is((await open(guest)).headers.location, at());
  const shown = await guest.get(at());
  assert.match(shown.text, 'value="yes"');
  assert.not.match(shown.text, ticket);
  assert.match((await guest.post(`${at()}/answer`, { press: "yes" })).text, "Thank you");
  assert.is((await ledger.get(entry.id))?.state, "answered");
  assert.ok((await ledger.receipts(entry.id)).at(-1)?.ticket);
});

test("lets its holder see that request and nothing else", async () => {
  const other = await record();
  const guest = new Visitor(inbox.origin);
  await open(guest);
  for (const path of ["/", `/entries/${entry.id}`, `/entries/${other.id}`, "/grants", "/news"])
    assert.is((await guest.get(path)).status, 401, path);
  assert.is((await guest.get(`/t/entry/${other.id}`)).status, 404);
  assert.is((await guest.post(`/t/entry/${other.id}/answer`, { press: "yes" })).status, 404);
  assert.is((await ledger.get(other.id))?.state, "open");
  const { text } = await guest.get(at());
  assert.not.match(text, 'href="/grants"');
});

test("a second browser sees that the first is at it, and after the answer that it was used", async () => {
  const [first, second] = [new Visitor(inbox.origin), new Visitor(inbox.origin)];
  await open(first);
  assert.is((await second.get(`/t/${ticket}`)).status, 200);
  const busy = await open(second);
  assert.is(busy.status, 409);
  assert.match(busy.text, "Somebody else works on it");
  assert.is(second.cookie, "");
  assert.is((await open(first)).status, 303, "the first one may click again");
  assert.is((await first.post(`${at()}/answer`, { press: "no" })).status, 200);
  for (const visitor of [first, second]) {
    assert.is((await open(visitor)).status, 410);
    const { status, text } = await visitor.get(`/t/${ticket}`);
    assert.is(status, 410);
    assert.match(text, "This link was used already");
  }
  assert.is((await second.get(at())).status, 401);
});

test("guessing is limited, and what is wrong, cut or over says so", async () => {
  const guest = new Visitor(inbox.origin);
  const { status, text } = await guest.get(`/t/${ticket.slice(0, -1)}`);
  assert.is(status, 404);
  assert.match(text, "This link leads to nothing");
  const statuses: number[] = [];
  for (let n = 0; n < 11; n++) statuses.push((await guest.get(`/t/${"A".repeat(41)}${10 + n}`)).status);
  assert.equal(statuses, [...new Array(9).fill(404), 429, 429]);
  assert.is((await guest.post("/t/open", { ticket: "B".repeat(43) })).status, 429);
  assert.is((await guest.get(`/t/${ticket}`)).status, 429, "neither is a right one let through among them");
});

test("a ticket whose time is over says so", async () => {
  const short = await ledger.ticket(entry.id, { expiresAt: new Date(Date.now() + 400) });
  const guest = new Visitor(inbox.origin);
  while ((await guest.get(`/t/${short}`)).status === 200);
  const { status, text } = await guest.get(`/t/${short}`);
  assert.is(status, 410);
  assert.match(text, "Its time is over");
});

test("a form of another page opens no ticket, and plants no session", async () => {
  const victim = new Visitor(inbox.origin);
  const { status } = await victim.post("/t/open", { ticket }, { origin: "https://evil.example" });
  assert.is(status, 403);
  assert.is(victim.cookie, "");
  assert.is((await ledger.get(entry.id))?.claim, undefined);
});

test("whoever is in already stays so, under a new cookie", async () => {
  const ada = await enter(inbox);
  const before = ada.cookie;
  await open(ada);
  assert.is.not(ada.cookie, before);
  assert.is((await ada.get("/")).status, 200);
  assert.is((await ada.get(at())).status, 200);
  const old = new Visitor(inbox.origin);
  old.cookie = before;
  assert.is((await old.get("/")).status, 401);
});

test("behind a proxy a ticket's pages need no principal", async () => {
  await inbox.close();
  inbox = await serveInbox(ledger, { publicUrl: "https://inbox.example", proxySecret: "a-secret-of-the-proxy" });
  const guest = new Visitor(inbox.listens, { host: "inbox.example" });
  const post = (path: string, form: Record<string, string>) =>
    guest.post(path, form, { origin: "https://inbox.example" });
  assert.is((await guest.get(`/t/${ticket}`)).status, 200);
  assert.is((await post("/t/open", { ticket })).status, 303);
  assert.is((await guest.get("/")).status, 401);
  assert.is((await guest.get(at())).status, 200);
  assert.is((await post(`${at()}/answer`, { press: "yes" })).status, 200);
});
