/** Signing in through the inbox, against a certified authorization server: in one browser, for one principal, with the account in sight. */

import { type Inbox, type InboxOptions, serveInbox } from "latchkey/inbox";
import { type Entry, type Ledger, openLedger } from "latchkey/ledger";
import { beginCode, chooseClient, discover } from "latchkey/oauth";
import * as assert from "uvu/assert";
import { asked } from "../support/inbox/requests.js";
import { type Answered, enter, Visitor } from "../support/inbox/visit.js";
import { Browser, type RunningProvider, startProvider } from "../support/oauth/provider.js";
import { suite } from "../support/suite.js";

const test = suite("inbox sign-in");
let provider: RunningProvider;
let ledger: Ledger;
let inbox: Inbox;
let ada: Visitor;
const errors: unknown[] = [];

test.before(async () => {
  provider = await startProvider();
});
test.after(async () => {
  await provider[Symbol.asyncDispose]();
});
const serve = async (options: InboxOptions = {}): Promise<Inbox> =>
  await serveInbox(ledger, { owner: "ada", onError: (error) => errors.push(error), ...options });
test.before.each(async () => {
  ledger = await openLedger(":memory:", { key: "11".repeat(32) });
  inbox = await serve();
  ada = await enter(inbox);
});
test.after.each(async () => {
  await inbox.close();
  await ledger.close();
  assert.equal(errors.splice(0), [], "nothing unforeseen happened");
});

const demand = (data: object = {}, from = {}): Promise<Entry> =>
  ledger.record(
    asked(
      "mcp.oauth_required",
      {
        ...{ serverName: "files", serverUrl: provider.serverUrl, reason: "initial" },
        ...{ wwwAuthenticateParams: { scope: "openid read" }, ...data },
      },
      from,
    ),
  );
const delivered = async ({ id }: Entry) => (await ledger.deliver(id, { owner: "test" }))?.answer;

/** From the button to the page that says where it leads. */
async function begin(visitor: Visitor, entry: Entry, base = "/entries"): Promise<{ page: Answered; url: string }> {
  const { status, headers, text } = await visitor.post(`${base}/${entry.id}/sign-in`, {});
  assert.is(status, 303, text);
  assert.is(headers.location, `${base}/${entry.id}/sign-in`);
  const page = await visitor.get(`${base}/${entry.id}/sign-in`);
  const url = /class="button main" href="([^"]+)"/.exec(page.text)?.[1]?.replaceAll("&amp;", "&") ?? "";
  return { page, url };
}
/** At the authorization server, and to the address where the browser comes back. */
const atServer = async (url: string): Promise<string> => {
  const { pathname, search } = new URL(await new Browser().signIn(url));
  return pathname + search;
};
const cross = { "sec-fetch-site": "cross-site" };

test("from the click to the answer: where it leads, whose account, and then the token", async () => {
  const entry = await demand();
  const before = provider.asked.length;
  const first = await ada.get(`/entries/${entry.id}`);
  for (const words of ["files", new URL(provider.serverUrl).host, "openid read"]) assert.match(first.text, words);
  assert.is(provider.asked.length, before, "nothing is asked before the click");
  const { page, url } = await begin(ada, entry);
  for (const words of [new URL(provider.issuer).host, "<code><bdi>read</bdi></code>", "Continue to"])
    assert.match(page.text, words);
  assert.is(new URL(url).searchParams.get("redirect_uri"), `${inbox.origin}/callback`);
  const back = await atServer(url);
  const answered = await ada.get(back, cross);
  assert.is(answered.status, 303);
  assert.is(answered.headers.location, `/entries/${entry.id}/confirm`);
  assert.is((await ledger.get(entry.id))?.state, "open", "nothing is answered before it is confirmed");
  assert.equal(await ledger.grants(), [], "nor kept");
  const confirming = await ada.get(`/entries/${entry.id}/confirm`);
  assert.match(confirming.text, "ada@example.org");
  assert.is((await ada.post(`/entries/${entry.id}/confirm`, { press: "yes" })).status, 303);
  const after = await ledger.get(entry.id);
  assert.equal([after?.state, after?.account], ["answered", "ada@example.org"]);
  const answer = await delivered(entry);
  assert.ok(answer !== undefined && typeof answer === "object" && "accessToken" in answer);
  const [grant] = await ledger.grants();
  assert.equal([grant?.state, grant?.principal, grant?.account], ["kept", "ada", "ada@example.org"]);
  for (const { text, headers } of [first, page, answered, confirming, await ada.get("/grants"), await ada.get("/")]) {
    const whole = text + JSON.stringify(headers);
    assert.not.match(whole, String(answer.accessToken));
    assert.not.match(whole, new URL(back, inbox.origin).searchParams.get("code") ?? "no code");
  }
  const receipt = (await ledger.receipts(entry.id)).find(({ state }) => state === "answered");
  assert.equal([receipt?.by, receipt?.actor], ["ada in the inbox", "person"]);
});

test("what is kept is used without anybody signing in again", async () => {
  const first = await demand();
  const { url } = await begin(ada, first);
  await ada.get(await atServer(url), cross);
  await ada.post(`/entries/${first.id}/confirm`, { press: "yes" });
  const narrower = await demand({ wwwAuthenticateParams: { scope: "read" } }, { sessionId: "another" });
  assert.is((await ledger.get(narrower.id))?.state, "open");
  const { status, headers } = await ada.post(`/entries/${narrower.id}/sign-in`, {});
  assert.equal([status, headers.location], [303, `/?done=${narrower.id}`]);
  assert.is((await ledger.get(narrower.id))?.state, "answered");
});

test("another account than was meant is revoked, and nothing of it stays", async () => {
  const entry = await demand();
  const { url } = await begin(ada, entry);
  await ada.get(await atServer(url), cross);
  const before = provider.asked.filter((one) => one.includes("revocation")).length;
  assert.is((await ada.post(`/entries/${entry.id}/confirm`, { press: "no" })).status, 303);
  assert.is(provider.asked.filter((one) => one.includes("revocation")).length, before + 1);
  assert.match((await ada.get(`/entries/${entry.id}`)).text, "Nothing of that account was kept");
  assert.is((await ledger.get(entry.id))?.state, "open");
  assert.equal(await ledger.grants(), []);
  assert.is(
    (await ada.post(`/entries/${entry.id}/confirm`, { press: "yes" })).headers.location,
    `/entries/${entry.id}`,
  );
  assert.is((await ledger.get(entry.id))?.state, "open");
});

test("a link to sign in that somebody else opens puts nobody's account under the request", async () => {
  const entry = await demand();
  const { url } = await begin(ada, entry);
  const back = await atServer(url);
  const stranger = new Visitor(inbox.origin);
  const colleague = await enter({ url: inbox.link(), origin: inbox.origin });
  for (const visitor of [stranger, colleague]) {
    const { status, text } = await visitor.get(back, cross);
    assert.is(status, 403);
    assert.match(text, "This sign-in began in another browser");
    assert.is((await visitor.get(`/entries/${entry.id}/confirm`)).status, visitor === stranger ? 401 : 303);
    await visitor.post(`/entries/${entry.id}/confirm`, { press: "yes" });
  }
  assert.is((await ledger.get(entry.id))?.state, "open");
  assert.is(
    (await ada.get(back, cross)).headers.location,
    `/entries/${entry.id}/confirm`,
    "who began can still end it",
  );
});

test("a stolen state is of no use: not in the thief's browser, and with the thief's code not in the victim's", async () => {
  const [hers, his] = [await demand(), await demand({}, { principal: "mallory" })];
  const mallory = await enter({ url: inbox.link(), origin: inbox.origin });
  const [victim, thief] = [await begin(ada, hers), await begin(mallory, his)];
  const state = new URL(victim.url).searchParams.get("state") ?? "";
  const own = new URL(await atServer(thief.url), inbox.origin).searchParams;
  const made = `/callback?${new URLSearchParams({ code: own.get("code") ?? "", state, iss: own.get("iss") ?? "" })}`;
  assert.is((await mallory.get(made, cross)).status, 403);
  // The victim's browser is led there: the code belongs to another verifier, and the authorization server refuses it.
  const { headers } = await ada.get(made, cross);
  assert.is(headers.location, `/entries/${hers.id}`);
  assert.match((await ada.get(`/entries/${hers.id}`)).text, "invalid_grant");
  assert.is((await ledger.get(hers.id))?.state, "open");
  assert.equal(await ledger.grants(), []);
  for (const path of ["/callback", "/callback?state=made-up&code=c", "/callback?code=c"])
    assert.is((await ada.get(path, cross)).status, 409, path);
});

test("a callback of another issuer, or an error in nobody's name, ends nothing", async () => {
  const entry = await demand();
  const { url } = await begin(ada, entry);
  const state = new URL(url).searchParams.get("state") ?? "";
  await ada.get(`/callback?${new URLSearchParams({ code: "c", state, iss: "https://evil.example" })}`, cross);
  const shown = (await ada.get(`/entries/${entry.id}`)).text;
  assert.match(shown, "ISSUER_MISMATCH");
  assert.is((await ada.get(await atServer(url), cross)).headers.location, `/entries/${entry.id}/confirm`);
});

test("says what the authorization server said when it refuses, with a way to begin again", async () => {
  const entry = await demand();
  const { url } = await begin(ada, entry);
  const state = new URL(url).searchParams.get("state") ?? "";
  const said = { state, iss: provider.issuer, error: "access_denied", error_description: "<b>No</b>" };
  await ada.get(`/callback?${new URLSearchParams(said)}`, cross);
  const { text } = await ada.get(`/entries/${entry.id}`);
  for (const words of ["access_denied", "&lt;b&gt;No&lt;/b&gt;", "/sign-in"]) assert.match(text, words);
  assert.not.match((await ada.get(`/entries/${entry.id}`)).text, "access_denied", "it is said once");
  assert.ok((await begin(ada, entry)).url);
});

test("while one signs in, another sees who does and cannot begin", async () => {
  const entry = await demand();
  await begin(ada, entry);
  const bob = await enter({ url: inbox.link(), origin: inbox.origin });
  assert.match((await bob.get("/")).text, "<b><bdi>ada in the inbox</bdi></b> works on it");
  const { status } = await bob.post(`/entries/${entry.id}/sign-in`, {});
  assert.is(status, 409);
  assert.is((await bob.get(`/entries/${entry.id}/sign-in`)).status, 303);
});

test("a sign-in that cannot begin says why, and leaves the request to others", async () => {
  const entry = await demand({ serverUrl: "http://127.0.0.1:9/mcp" });
  const { status, text } = await ada.post(`/entries/${entry.id}/sign-in`, {});
  assert.is(status, 502);
  assert.match(text, "UNREACHABLE");
  assert.is((await ledger.get(entry.id))?.claim, undefined);
});

test("ends a sign-in that another process began: by its state, for a person of the principal", async () => {
  const entry = await demand();
  const claim = await ledger.claim({ id: entry.id, kind: "mcp.oauth_required" }, { owner: "a broker that died" });
  assert.ok(claim);
  const request = await claim.request();
  const authority = await discover(request);
  const redirectUri = `${inbox.origin}/callback`;
  const client = await chooseClient(request, authority, { register: { redirectUris: [redirectUri], name: "Test" } });
  const flow = await beginCode(authority, client, { redirectUri, scope: ["openid", "read"] });
  await claim.stash(flow, { tag: flow.state });
  const back = await atServer(flow.url);
  assert.is((await ada.get(back, cross)).status, 409, "the other one still works on it");
  await claim.release();
  assert.is((await new Visitor(inbox.origin).get(back, cross)).status, 403);
  await using bobs = await serve({ principal: "bob" });
  assert.is((await (await enter(bobs)).get(back, cross)).status, 403, "an inbox of another principal");
  assert.is((await ledger.get(entry.id))?.claim, undefined, "and it is given back");
  assert.is((await ada.get(back, cross)).headers.location, `/entries/${entry.id}/confirm`);
  await ada.post(`/entries/${entry.id}/confirm`, { press: "yes" });
  assert.is((await ledger.get(entry.id))?.account, "ada@example.org");
});

test("what a browser began at an inbox that has ended is nobody else's to end", async () => {
  const entry = await demand();
  const { url } = await begin(ada, entry);
  const back = await atServer(url);
  await inbox.close();
  inbox = await serve();
  const other = await enter(inbox);
  assert.is((await other.get(back, cross)).status, 403);
  assert.is((await ledger.get(entry.id))?.state, "open");
  assert.is((await ledger.get(entry.id))?.claim, undefined);
});

test("a ticket's holder signs in for that request alone: nothing is kept for anybody", async () => {
  const entry = await demand();
  const ticket = await ledger.ticket(entry.id, { expiresAt: new Date(Date.now() + 60_000) });
  const guest = new Visitor(inbox.origin);
  assert.is((await guest.post("/t/open", { ticket })).status, 303);
  const { url } = await begin(guest, entry, "/t/entry");
  assert.is((await guest.get(await atServer(url), cross)).headers.location, `/t/entry/${entry.id}/confirm`);
  const { status, text } = await guest.post(`/t/entry/${entry.id}/confirm`, { press: "yes" });
  assert.is(status, 200);
  assert.match(text, "Thank you");
  assert.is((await ledger.get(entry.id))?.state, "answered");
  assert.equal(await ledger.grants(), []);
});

test("signing out ends it at the authorization server, and then here", async () => {
  const entry = await demand();
  const { url } = await begin(ada, entry);
  await ada.get(await atServer(url), cross);
  await ada.post(`/entries/${entry.id}/confirm`, { press: "yes" });
  const { text } = await ada.get("/grants");
  assert.match(text, "ada@example.org");
  const [grant] = await ledger.grants();
  assert.ok(grant);
  await using bobs = await serve({ principal: "bob" });
  const bob = await enter(bobs);
  assert.not.match((await bob.get("/grants")).text, "ada@example.org");
  assert.is((await bob.post(`/grants/${grant.id}/forget`, { press: "local" })).status, 404);
  const before = provider.asked.filter((one) => one.includes("revocation")).length;
  assert.is((await ada.post(`/grants/${grant.id}/forget`, { press: "revoke" })).status, 303);
  assert.is(provider.asked.filter((one) => one.includes("revocation")).length, before + 1);
  assert.equal(await ledger.grants(), []);
  assert.match((await ada.get("/grants")).text, "Nobody is signed in");
});

test("what cannot be ended at the authorization server is not forgotten, unless that is said", async () => {
  const entry = await demand();
  const { url } = await begin(ada, entry);
  await ada.get(await atServer(url), cross);
  await ada.post(`/entries/${entry.id}/confirm`, { press: "yes" });
  await inbox.close();
  inbox = await serve({ oauth: { fetch: () => Promise.reject(new TypeError("fetch failed")) } });
  ada = await enter(inbox);
  const [grant] = await ledger.grants();
  assert.ok(grant);
  const { status, text } = await ada.post(`/grants/${grant.id}/forget`, { press: "revoke" });
  assert.is(status, 502);
  assert.match(text, "The server was not told");
  assert.is((await ledger.grants()).length, 1);
  await ada.post(`/grants/${grant.id}/forget`, { press: "local" });
  assert.equal(await ledger.grants(), []);
});
