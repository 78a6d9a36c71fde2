/** Each guard of the inbox, asked by whoever it is there to keep out. */

import { type Inbox, serveInbox } from "latchkey/inbox";
import { type Entry, type Ledger, openLedger } from "latchkey/ledger";
import * as assert from "uvu/assert";
import { asked, samples } from "../support/inbox/requests.js";
import { ask, enter, Visitor } from "../support/inbox/visit.js";
import { suite } from "../support/suite.js";

const test = suite("inbox security");
let ledger: Ledger;
let inbox: Inbox;
const errors: unknown[] = [];

test.before.each(async () => {
  ledger = await openLedger(":memory:", { key: "11".repeat(32) });
  inbox = await serveInbox(ledger, { owner: "ada", onError: (error) => errors.push(error) });
});
test.after.each(async () => {
  await inbox.close();
  await ledger.close();
  assert.equal(errors.splice(0), [], "nothing unforeseen happened");
});

const permission = (data: object = {}, from = {}): Promise<Entry> =>
  ledger.record(asked("permission.requested", { ...samples["permission.requested"], ...data }, from));
const stateOf = async ({ id }: Entry) => (await ledger.get(id))?.state;

test("DNS rebinding: another name that points here is refused, whatever it brings", async () => {
  const visitor = await enter(inbox);
  const entry = await permission();
  const { port } = new URL(inbox.origin);
  for (const host of [`evil.example:${port}`, `localhost:${port}`, "127.0.0.1", `127.0.0.1:${port}.evil.example`]) {
    const origin = `http://${host}`;
    const read = await visitor.get("/", { host });
    assert.ok([400, 421].includes(read.status), `${host}: ${read.status}`);
    assert.not.match(read.text, entry.id);
    const written = await visitor.post(`/entries/${entry.id}/answer`, { press: "yes" }, { host, origin });
    assert.ok([400, 421].includes(written.status), host);
  }
  assert.is(await stateOf(entry), "open");
  assert.is((await visitor.get("/")).status, 200);
});

test("CSRF: a form of another origin changes nothing, though the session comes along", async () => {
  const visitor = await enter(inbox);
  const entry = await permission();
  const { port } = new URL(inbox.origin);
  const foreign: Record<string, string | undefined>[] = [
    { origin: "https://evil.example" },
    { origin: "null" },
    { origin: `http://localhost:${port}` },
    { origin: `http://127.0.0.1:${Number(port) + 1}` },
    { origin: `https://127.0.0.1:${port}` },
    { origin: undefined, "sec-fetch-site": "cross-site" },
    { origin: undefined, "sec-fetch-site": "same-site" },
    { origin: undefined, "sec-fetch-site": undefined },
  ];
  for (const headers of foreign)
    for (const path of [`/entries/${entry.id}/answer`, `/entries/${entry.id}/take`, "/leave", "/enter"])
      assert.is((await visitor.post(path, { press: "yes" }, headers)).status, 403, JSON.stringify(headers));
  assert.is(await stateOf(entry), "open");
  assert.is((await ledger.get(entry.id))?.claim, undefined);
  for (const method of ["PUT", "DELETE", "PATCH", "OPTIONS"])
    assert.is((await ask(`${inbox.origin}/`, { method, headers: { cookie: visitor.cookie } })).status, 405, method);
  const noForm = { "content-type": "text/plain" };
  assert.is((await visitor.post(`/entries/${entry.id}/answer`, { press: "yes" }, noForm)).status, 415);
  assert.is(await stateOf(entry), "open");
  const own = { origin: undefined, "sec-fetch-site": "same-origin" };
  assert.is((await visitor.post(`/entries/${entry.id}/answer`, { press: "yes" }, own)).status, 303);
});

test("no GET changes anything", async () => {
  const visitor = await enter(inbox);
  const entry = await permission();
  for (const verb of ["answer", "take", "put-back", "sign-in", "confirm"])
    await visitor.get(`/entries/${entry.id}/${verb}?press=yes`);
  await visitor.get("/leave");
  assert.is(await stateOf(entry), "open");
  assert.is((await ledger.get(entry.id))?.claim, undefined);
  assert.is((await visitor.get("/")).status, 200);
});

test("every answer forbids framing, foreign scripts and caches, errors too", async () => {
  const visitor = await enter(inbox);
  const entry = await permission();
  const answers = [
    await visitor.get("/"),
    await visitor.get(`/entries/${entry.id}`),
    await visitor.get("/nowhere"),
    await new Visitor(inbox.origin).get("/"),
    await visitor.get("/", { host: "evil.example" }),
    await visitor.post("/leave", {}, { origin: "https://evil.example" }),
    await visitor.post(`/entries/${entry.id}/answer`, { press: "nonsense" }),
  ];
  for (const { headers, status } of answers) {
    const policy = new Map(
      String(headers["content-security-policy"])
        .split(/; ?/)
        .map((part) => [part.split(" ")[0] ?? "", part.split(" ").slice(1).join(" ")]),
    );
    assert.is(policy.get("default-src"), "'none'", String(status));
    assert.is(policy.get("frame-ancestors"), "'none'");
    assert.is(policy.get("base-uri"), "'none'");
    for (const name of ["script-src", "style-src", "img-src", "connect-src", "form-action"])
      assert.is(policy.get(name), "'self'", name);
    assert.is(headers["x-frame-options"], "DENY");
    assert.is(headers["cache-control"], "no-store");
    assert.is(headers["x-content-type-options"], "nosniff");
    assert.is(headers["referrer-policy"], "same-origin");
    assert.is(headers["cross-origin-opener-policy"], "same-origin");
    assert.is(headers["access-control-allow-origin"], undefined);
  }
});

test("a page holds no script and no style of its own, and loads nothing from elsewhere", async () => {
  const visitor = await enter(inbox);
  const { text } = await visitor.get(`/entries/${(await permission()).id}`);
  assert.not.match(text, /<script(?! src="\/assets\/)|<style|\son\w+=|\sstyle=/);
  const loaded = [...text.matchAll(/(?:src|href|action)="([^"]+)"/g)].map(([, url]) => url ?? "");
  assert.ok(loaded.length > 5);
  for (const url of loaded) assert.match(url, /^[/#](?!\/)/);
  for (const url of loaded.filter((one) => one.startsWith("/assets/"))) {
    const { status, headers } = await new Visitor(inbox.origin).get(url);
    assert.is(status, 200);
    assert.match(headers["cache-control"] as string, "immutable");
  }
  assert.is((await visitor.get("/assets/..%2f..%2fpackage.json")).status, 404);
});

test("a link lets in once: the second browser, and the same one again, are told so", async () => {
  const path = new URL(inbox.url).pathname;
  const first = new Visitor(inbox.origin);
  assert.is((await first.get("/")).status, 401);
  assert.is((await first.get(path)).status, 303);
  assert.is((await first.get("/")).status, 200);
  for (const visitor of [new Visitor(inbox.origin), first]) {
    const { status, text } = await visitor.get(path);
    assert.is(status, 403);
    assert.match(text, "This link was used already");
  }
  const second = new Visitor(inbox.origin);
  assert.is((await second.post("/enter", { token: path.split("/").at(-1) ?? "" })).status, 403);
  assert.is((await second.get("/")).status, 401);
});

test("a link that another page opens, or a browser fetches in advance, is not used up and lets nobody in", async () => {
  const path = new URL(inbox.url).pathname;
  const visitor = new Visitor(inbox.origin);
  for (const headers of [
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "same-site" },
    { "sec-fetch-site": undefined },
    { "sec-purpose": "prefetch;prerender" },
  ]) {
    const { status, text } = await visitor.get(path, headers);
    assert.is(status, 200);
    assert.match(text, "Open the inbox");
    assert.is(visitor.cookie, "");
  }
  const token = path.split("/").at(-1) ?? "";
  assert.is((await visitor.post("/enter", { token }, { origin: "https://evil.example" })).status, 403);
  assert.is((await visitor.post("/enter", { token })).status, 303);
  assert.is((await visitor.get("/")).status, 200);
});

test("guessing links is limited, and a right one is not let in among the wrong ones", async () => {
  const visitor = new Visitor(inbox.origin);
  const statuses: number[] = [];
  for (let at = 0; at < 12; at++) statuses.push((await visitor.get(`/enter/${"A".repeat(42)}${at}`)).status);
  assert.equal(statuses, [...new Array(10).fill(403), 429, 429]);
  const { status, headers } = await visitor.get(new URL(inbox.url).pathname);
  assert.is(status, 429);
  assert.is(headers["retry-after"], "60");
});

test("session fixation: a cookie that somebody planted is no session, and entering makes a new one", async () => {
  const attacker = await enter(inbox);
  const victim = new Visitor(inbox.origin);
  victim.cookie = attacker.cookie;
  await victim.get(new URL(inbox.link()).pathname);
  assert.is.not(victim.cookie, attacker.cookie);
  assert.is((await victim.get("/")).status, 200);
  assert.is((await attacker.get("/")).status, 401, "the planted cookie was good for nothing afterwards");
  const [name = ""] = attacker.cookie.split("=");
  const stranger = new Visitor(inbox.origin);
  stranger.cookie = `${name}=${"B".repeat(43)}`;
  assert.is((await stranger.get("/")).status, 401);
});

test("the session is a cookie that scripts, other sites' requests and other inboxes do not get", async () => {
  const visitor = await enter(inbox);
  const [line = ""] = visitor.setCookies;
  assert.match(line, new RegExp(`^latchkey-${new URL(inbox.origin).port}=[\\w-]{43};`));
  for (const flag of ["HttpOnly", "SameSite=Lax", "Path=/"]) assert.match(line, flag);
  assert.not.match(line, "Domain");
  await visitor.post("/leave", {});
  assert.is(visitor.cookie, "");
  const again = new Visitor(inbox.origin);
  again.cookie = line.split(";")[0] ?? "";
  assert.is((await again.get("/")).status, 401, "left for good");
});

/** Markup, an ANSI sequence, bidi overrides, a zero width space, a tag character, NUL. */
const odd = `"><img src=x onerror=alert(1)><script>alert(2)</script>\u001b[2J\u202egnp\u2066\u200b\u{e0041}\u0000'&amp;`;
const rawHidden = /[^\P{C}\n]/u;

test("what a stranger wrote is never markup, and nothing hidden is in it", async () => {
  const visitor = await enter(inbox);
  const strange = [
    asked("permission.requested", {
      permissionRequest: { kind: odd, fullCommandText: odd, intention: odd, [odd]: odd },
    }),
    asked("elicitation.requested", {
      ...{ message: odd, elicitationSource: odd },
      requestedSchema: {
        ...{ type: "object", required: [odd] },
        properties: {
          [odd]: { type: "string", title: odd, description: odd, default: odd },
          b: { type: "string", enum: [odd], enumNames: [odd] },
          c: { type: "array", items: { anyOf: [{ const: odd, title: odd }] } },
        },
      },
    }),
    asked("mcp.oauth_required", {
      ...{ serverName: odd, serverUrl: "https://pаypal.example/mcp", reason: odd },
      wwwAuthenticateParams: { scope: odd, error: odd },
    }),
    asked("user_input.requested", { question: odd, choices: [odd] }),
    asked("exit_plan_mode.requested", { summary: odd, planContent: odd, actions: [odd] }),
  ];
  for (const request of strange) {
    const told = odd.replaceAll("\0", "");
    const entry = await ledger.record({ ...request, sessionId: told, principal: told });
    await using claim = await ledger.claim({ id: entry.id }, { owner: odd });
    assert.ok(claim);
    const pages = [await visitor.get(`/entries/${entry.id}`), await visitor.get("/")];
    await claim.release();
    pages.push(await visitor.get(`/entries/${entry.id}`), await visitor.get("/"));
    await ledger.cancel(entry.id, { by: odd, reason: odd });
    pages.push(await visitor.get(`/entries/${entry.id}`), await visitor.get(`/?done=${entry.id}`));
    for (const { text, status } of pages) {
      assert.is(status, 200);
      assert.not.match(text, /<img|<script>|onerror=alert\(1\)>/);
      // What a form sends back has to be what was asked: only there it stands as it came.
      assert.not.match(text.replaceAll(/ (?:name|value)="[^"]*"/g, ""), rawHidden, request.kind);
    }
  }
  const { text } = await visitor.get("/?show=done&kind=mcp.oauth_required");
  assert.match(text, "xn--pypal-4ve.example", "a host in another alphabet shows what it is");
});

test("an enormous request is shown, in part, and the page stays small", async () => {
  const visitor = await enter(inbox);
  const huge = "x".repeat(1_200_000);
  const entry = await permission({ permissionRequest: { kind: "shell", fullCommandText: huge, intention: huge } });
  const oauth = await ledger.record(
    asked("mcp.oauth_required", {
      ...{ serverName: huge, serverUrl: `https://files.example/${huge}`, reason: "initial", resourceMetadata: huge },
      wwwAuthenticateParams: { scope: huge },
      httpResponse: { statusCode: 401, headers: [{ name: "WWW-Authenticate", value: huge }], body: huge },
    }),
  );
  for (const path of ["/", `/entries/${entry.id}`, `/entries/${oauth.id}`]) {
    const { text, status } = await visitor.get(path);
    assert.is(status, 200);
    assert.ok(text.length < 100_000, `${path}: ${text.length}`);
  }
  // Nobody says yes to what they have not seen the end of.
  const [, card = ""] = (await visitor.get("/?kind=permission.requested")).text.split('<li class="card entry"');
  assert.not.match(card, 'value="yes"');
  assert.match(card, "Answer…");
  const { status } = await visitor.post(`/entries/${entry.id}/answer`, { press: "no", reason: huge });
  assert.is(status, 413);
});

test("no secret is in any page", async () => {
  const visitor = await enter(inbox);
  const secrets = ["planted-client-secret", "planted-challenge", "planted-query", "planted-token", "planted-user-info"];
  const entry = await ledger.record(
    asked("mcp.oauth_required", {
      ...{ serverName: "files", reason: "initial", newField: "planted-token" },
      serverUrl: "https://planted-user-info:pw@files.example/mcp?key=planted-query",
      staticClientConfig: { clientId: "c-1", clientSecret: "planted-client-secret" },
      httpResponse: { statusCode: 401, headers: [{ name: "WWW-Authenticate", value: "Bearer x=planted-challenge" }] },
    }),
  );
  const shell = await permission({
    permissionRequest: { kind: "shell", fullCommandText: "curl -H 'Authorization: Bearer planted-token-0123456789'" },
  });
  const answered = await ledger.record(asked("mcp.oauth_required", { ...samples["mcp.oauth_required"] }));
  await visitor.post(`/entries/${answered.id}/answer`, { press: "form", "f.text": "planted-token" });
  for (const path of [
    "/",
    `/entries/${entry.id}`,
    `/entries/${shell.id}`,
    `/entries/${answered.id}`,
    "/?show=moving",
  ]) {
    const { text, headers } = await visitor.get(path);
    for (const secret of secrets) assert.not.match(text + JSON.stringify(headers), secret, path);
  }
});

test("an error that nobody foresaw is told to the program, and to the page by its code alone", async () => {
  const visitor = await enter(inbox);
  const broken = new Proxy(ledger, {
    get(target, name) {
      if (name === "list") return () => Promise.reject(new Error("planted-password at /home/ada/ledger.db"));
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  await using other = await serveInbox(broken, { onError: (error) => errors.push(error) });
  const { status, text } = await (await enter(other)).get("/");
  assert.is(status, 500);
  assert.not.match(text, /planted-password|home/);
  assert.is(errors.splice(0).length, 1);
  assert.is((await visitor.get("/")).status, 200);
});
