/** Behind a proxy that signs people in: each sees their own, and only the proxy says who they are. */

import { type Inbox, type InboxOptions, serveInbox } from "latchkey/inbox";
import { type Ledger, openLedger } from "latchkey/ledger";
import * as assert from "uvu/assert";
import { asked, samples } from "../support/inbox/requests.js";
import { ask, Visitor } from "../support/inbox/visit.js";
import { Browser, startProvider } from "../support/oauth/provider.js";
import { rejects, suite } from "../support/suite.js";

const test = suite("inbox behind a proxy");
const publicUrl = "https://inbox.example";
const proxySecret = "a-secret-of-the-proxy";
let ledger: Ledger;
let inbox: Inbox;

test.before.each(async () => {
  ledger = await openLedger(":memory:", { key: "11".repeat(32) });
});
test.after.each(async () => {
  await inbox.close();
  await ledger.close();
});

const serve = async (options: InboxOptions = {}): Promise<void> => {
  inbox = await serveInbox(ledger, { publicUrl, proxySecret, ...options });
};
const permission = (principal?: string) =>
  ledger.record(asked("permission.requested", samples["permission.requested"] ?? {}, { principal }));

/** What the proxy makes of a browser's request. */
const through = (principal: string | undefined, extra: Record<string, string> = {}): Visitor =>
  new Visitor(inbox.listens, {
    ...{ host: "inbox.example", origin: publicUrl, "x-latchkey-proxy": proxySecret },
    ...(principal === undefined ? {} : { "x-forwarded-user": Buffer.from(principal).toString("latin1") }),
    ...extra,
  });

test("shows each principal their own, and answers in their name", async () => {
  await serve();
  assert.is(inbox.url, `${publicUrl}/`);
  const [hers, his, nobodys] = [await permission("ada"), await permission("bób"), await permission()];
  const [ada, bob] = [through("ada"), through("bób")];
  const [forAda, forBob] = [(await ada.get("/")).text, (await bob.get("/")).text];
  assert.match(forAda, hers.id);
  assert.match(forBob, his.id);
  for (const [text, ids] of [
    [forAda, [his.id, nobodys.id]],
    [forBob, [hers.id, nobodys.id]],
  ] as const)
    for (const id of ids) assert.not.match(text, id);
  const press = (visitor: Visitor, id: string) =>
    visitor.post(`/entries/${id}/answer`, { press: "yes" }, { origin: publicUrl });
  assert.is((await press(ada, his.id)).status, 404);
  assert.is((await press(bob, his.id)).status, 303);
  assert.is((await ledger.receipts(his.id)).at(-1)?.by, "bób in the inbox");
});

test("takes nobody's word but the proxy's", async () => {
  await serve();
  const { id } = await permission("ada");
  const url = `${inbox.listens}/entries/${id}`;
  const host = "inbox.example";
  const user = { "x-forwarded-user": "ada" };
  const refused: Record<string, string | string[]>[] = [
    { host, ...user },
    { host, ...user, "x-latchkey-proxy": `${proxySecret}.` },
    { host, "x-latchkey-proxy": proxySecret },
    { host, "x-latchkey-proxy": proxySecret, "x-forwarded-user": " " },
    { host, "x-latchkey-proxy": proxySecret, "x-forwarded-user": ["ada", "bob"] },
    { host, "x-latchkey-proxy": proxySecret, "x-forwarded-user": ["ada", "ada"] },
  ];
  for (const headers of refused) {
    const { status, text } = await ask(url, { headers });
    assert.is(status, 401, JSON.stringify(headers));
    assert.not.match(text, "npm publish");
  }
  const elsewhere = { ...user, "x-latchkey-proxy": proxySecret };
  assert.is((await ask(url, { headers: elsewhere })).status, 421, "at the address behind the proxy");
  assert.is((await ask(url, { headers: { host, ...elsewhere } })).status, 200);
  assert.is((await through("ada").get("/enter/anything")).status, 404, "there are no links");
  assert.throws(() => inbox.link(), /proxy/);
});

test("a browser in which another principal signs in begins anew", async () => {
  await serve();
  const { id } = await permission("ada");
  const ada = through("ada");
  await ada.get("/");
  const [first = ""] = ada.setCookies;
  for (const flag of ["__Host-latchkey=", "HttpOnly", "Secure", "SameSite=Lax", "Path=/"]) assert.match(first, flag);
  await ada.post(`/entries/${id}/take`, {}, { origin: publicUrl });
  const bob = through("bob");
  bob.cookie = ada.cookie;
  assert.is((await bob.get(`/entries/${id}`)).status, 404);
  assert.is.not(bob.cookie, ada.cookie);
  assert.match((await ada.get("/")).headers["strict-transport-security"] as string, "max-age");
});

test("a sign-in ends for the principal that the proxy names, in the browser where it began", async () => {
  await using provider = await startProvider();
  await serve();
  const { serverUrl } = provider;
  const { id } = await ledger.record(
    asked("mcp.oauth_required", { serverName: "files", serverUrl, reason: "initial" }),
  );
  const ada = through("ada");
  await ada.post(`/entries/${id}/sign-in`, {}, { origin: publicUrl });
  const { text } = await ada.get(`/entries/${id}/sign-in`);
  const url = /class="button main" href="([^"]+)"/.exec(text)?.[1]?.replaceAll("&amp;", "&") ?? "";
  assert.is(new URL(url).searchParams.get("redirect_uri"), `${publicUrl}/callback`);
  const back = new URL(await new Browser().signIn(url));
  const path = back.pathname + back.search;
  // Somebody else has signed in at the proxy in the same browser; another browser of hers did not begin; nobody is nobody.
  const [bob, elsewhere, nobody] = [through("bob"), through("ada"), through(undefined)];
  for (const visitor of [bob, nobody]) visitor.cookie = ada.cookie;
  for (const visitor of [bob, elsewhere, nobody]) assert.is((await visitor.get(path)).status, 403);
  assert.is((await ada.get(path)).headers.location, `/entries/${id}/confirm`);
});

test("another header names the principal where it is told so; one principal's inbox lets in nobody else", async () => {
  await serve({ principalHeader: "X-Auth-Request-Email", principal: "ada@example.org" });
  const named = (name: string) => through(undefined, { "x-auth-request-email": name });
  assert.is((await named("ada@example.org").get("/")).status, 200);
  assert.is((await named("bob@example.org").get("/")).status, 401);
  assert.is((await through("ada@example.org").get("/")).status, 401);
});

test("rejects when its port is taken", async () => {
  await serve();
  const { port } = new URL(inbox.listens);
  await rejects(serveInbox(ledger, { port: Number(port) }), { code: "EADDRINUSE" });
});
