/** A token without a person, over what is kept: what is on disk before and after each POST. */
import {
  beginCode,
  finishCode,
  type Grant,
  type HeldGrant,
  type OAuthRequest,
  parseGrant,
  type RenewOptions,
  renew,
} from "latchkey/oauth";
import * as assert from "uvu/assert";
import { type Demand, demand, known, metadata, places, Reply, refused, TestRuntime } from "../support/oauth/servers.js";
import { rejects, suite } from "../support/suite.js";

const test = suite("renew");
let testRuntime: TestRuntime;
let steps: string[];
test.before.each(async () => {
  testRuntime = await TestRuntime.open(places());
  steps = [];
});
test.after.each(() => testRuntime[Symbol.asyncDispose]());

/** Keeps one grant as a ledger does, and says in which order it was used. */
function held(state: HeldGrant["state"], grant?: unknown): HeldGrant & { grant?: unknown } {
  const step =
    (name: string) =>
    (given?: object): Promise<void> => {
      steps.push(name);
      if (name === "keep") Object.assign(one, { grant: JSON.parse(JSON.stringify(given)) });
      return Promise.resolve();
    };
  const one = {
    ...{ state, grant, spend: step("spend"), unspent: step("unspent"), keep: step("keep") },
    ...{ forget: step("forget"), release: step("release") },
  };
  return one;
}

async function signedIn(changes: Partial<Grant> = {}): Promise<Grant> {
  const { authority, client } = await known(testRuntime);
  const flow = await beginCode(authority, client, { redirectUri: "http://127.0.0.1/cb", scope: ["read"] });
  const grant = await finishCode(flow, `?code=c&state=${flow.state}`, { fetch: testRuntime.fetch });
  testRuntime.places["auth.example/token"] = () => {
    steps.push("POST");
    return { access_token: "at-2", token_type: "Bearer", refresh_token: "rt-2", expires_in: 60 };
  };
  testRuntime.paths();
  return parseGrant({ ...grant, ...changes });
}

function run(holder: HeldGrant, about: Demand = {}, options: RenewOptions = {}, received = new Date()) {
  const request: OAuthRequest = { ...demand(about), receivedAt: received.toISOString() };
  const claim = { request: () => Promise.resolve(request), grant: () => Promise.resolve(holder) };
  return renew(claim, { fetch: testRuntime.fetch, ...options });
}
const ended = { expiresAt: new Date(1000).toISOString() };
const later = () => new Date(Date.now() + 1000);

test("a kept grant that is good is given without asking anybody", async () => {
  const grant = await signedIn();
  const renewal = await run(held("kept", grant), { wwwAuthenticateParams: { scope: "read" } });
  assert.equal(renewal, { how: "kept", grant });
  assert.equal([steps, testRuntime.paths()], [["release"], []]);
  // A server says the same where there was no token: one that cannot be refreshed is worth a try.
  const { refreshToken: _, ...bare } = grant;
  const invalid = { wwwAuthenticateParams: { error: "invalid_token" } };
  assert.is((await run(held("kept", bare), invalid, {}, later())).how, "kept");
  // One obtained after the request was asked is not the one that the MCP server refused.
  assert.is((await run(held("kept", grant), { reason: "reauth" }, {}, new Date(0))).how, "kept");
});

test("where a claim shows what is kept, a good grant needs no right to it, and another one does", async () => {
  const grant = await signedIn();
  const renewed = (kept: unknown, about: Demand = {}) => {
    const request: OAuthRequest = { ...demand(about), receivedAt: later().toISOString() };
    const holder = held("kept", JSON.parse(JSON.stringify(grant)));
    const grants = (): Promise<HeldGrant> => {
      steps.push("grant");
      return Promise.resolve(holder);
    };
    const claim = { request: () => Promise.resolve(request), kept: () => Promise.resolve(kept), grant: grants };
    return renew(claim, { fetch: testRuntime.fetch });
  };
  assert.equal(await renewed(grant), { how: "kept", grant });
  assert.equal(steps, []);
  assert.is((await renewed(grant, { reason: "refresh" })).how, "refreshed");
  assert.is((await renewed(undefined)).how, "kept");
  assert.equal(steps, ["grant", "spend", "POST", "keep", "release", "grant", "release"]);
});

test("one that has ended, or was refused, is refreshed: spent on disk, one POST, kept on disk", async () => {
  const grant = await signedIn();
  for (const [about, kept] of [
    [{}, { ...grant, ...ended }],
    [{ reason: "refresh" }, grant],
    [{ reason: "reauth" }, grant],
    // What a runtime that was started with the token asks.
    [{ wwwAuthenticateParams: { error: "invalid_token" } }, grant],
  ] as const) {
    steps = [];
    const holder = held("kept", JSON.parse(JSON.stringify(kept)));
    const renewal = await run(holder, about, {}, later());
    assert.is(renewal.how === "refreshed" && renewal.grant.accessToken, "at-2");
    assert.equal(steps, ["spend", "POST", "keep", "release"]);
    assert.is(parseGrant(holder.grant).refreshToken, "rt-2");
  }
});

test("one that is about to end is refreshed as well", async () => {
  const grant = await signedIn();
  const now = new Date(Date.parse(grant.expiresAt ?? "") - 10_000);
  assert.is((await run(held("kept", grant), {}, { now })).how, "refreshed");
  assert.is((await run(held("kept", grant), {}, { now, minLifetimeMs: 5_000 })).how, "kept");
});

test("a person is needed: nothing kept, no refresh token, more scope, the same scope in vain", async () => {
  const grant = await signedIn();
  const { refreshToken: _, ...bare } = grant;
  const why = async (holder: HeldGrant, about: Demand = {}) => {
    const renewal = await run(holder, about, {}, later());
    return renewal.how === "person" ? renewal.why : renewal.how;
  };
  assert.is(await why(held("none")), "none");
  assert.is(await why(held("kept", { ...bare, ...ended })), "expired");
  assert.is(await why(held("kept", grant), { wwwAuthenticateParams: { scope: "read write" } }), "scope");
  const upscope = { reason: "upscope", wwwAuthenticateParams: { scope: "read" } };
  assert.is(await why(held("kept", grant), upscope), "scope");
  assert.is(await why(held("kept", { ...grant, stepUps: 2 }), upscope), "step-up-limit");
  assert.not.ok(steps.includes("spend") || steps.includes("POST"));
});

test("a scope that was asked for and not granted bothers nobody again, until the MCP server says that it is lacking", async () => {
  const grant = await signedIn({ requested: ["openid", "read"], scope: ["read"] });
  const scope = "openid read";
  assert.is((await run(held("kept", grant), { wwwAuthenticateParams: { scope } })).how, "kept");
  const lacking = { wwwAuthenticateParams: { scope, error: "insufficient_scope" } };
  const renewal = await run(held("kept", grant), lacking);
  assert.is(renewal.how === "person" && renewal.why, "scope");
});

test("what is none is none, though something lies there", async () => {
  const renewal = await run(held("none", await signedIn()));
  assert.equal(renewal, { how: "person", why: "none" });
});

test("a grant of another issuer or resource is forgotten, and nothing of it is sent", async () => {
  const grant = await signedIn(ended);
  const moved = { ...grant, issuer: "https://old.example" };
  for (const kept of [
    { ...grant, resource: "https://mcp.example/other" },
    { ...moved, client: { ...grant.client, issuer: moved.issuer }, server: { ...grant.server, issuer: moved.issuer } },
  ]) {
    steps = [];
    const renewal = await run(held("kept", kept));
    assert.is(renewal.how === "person" && renewal.why, "issuer-changed");
    assert.equal(steps, ["forget", "release"]);
  }
});

test("client credentials ask for more beside what there was, where it is of the same issuer and resource", async () => {
  const grant = await signedIn();
  const about = {
    ...{ reason: "upscope", wwwAuthenticateParams: { scope: "write" } },
    staticClientConfig: { clientId: "c-1", clientSecret: "cs-1", grantType: "client_credentials" },
  };
  const asked = async (kept: Grant): Promise<string[]> => {
    testRuntime.paths();
    await run(held("kept", kept), about);
    return (testRuntime.post("/token").form.get("scope") ?? "").split(" ").sort();
  };
  assert.equal(await asked(grant), ["read", "write"]);
  assert.equal(await asked({ ...grant, resource: "https://mcp.example/other" }), ["write"]);
  assert.equal(await asked({ ...grant, issuer: "https://old.example" }), ["write"]);
});

test("in doubt is never guessed: a person, or once more where the caller says so", async () => {
  const live = await signedIn();
  const grant = { ...live, ...ended };
  const renewal = await run(held("in-doubt", grant));
  assert.is(renewal.how === "person" && renewal.why, "in-doubt");
  // Even an access token that lives may be of a family that is about to be ended: it is not given away as if nothing had been.
  assert.is((await run(held("in-doubt", live))).how, "person");
  assert.not.ok(steps.includes("POST"));
  assert.is((await run(held("in-doubt", grant), {}, { inDoubt: "try" })).how, "refreshed");
});

test("invalid_grant forgets it, and a person is needed", async () => {
  const grant = await signedIn(ended);
  testRuntime.places["auth.example/token"] = new Reply(400, { error: "invalid_grant" });
  const renewal = await run(held("kept", grant));
  assert.is(renewal.how === "person" && renewal.why, "refused");
  assert.equal(steps, ["spend", "forget", "release"]);
});

test("what was surely not spent is unspent; what nobody saw the answer of stays in doubt", async () => {
  const grant = await signedIn(ended);
  const down: typeof fetch = (url, init) => {
    if (init?.method !== "POST") return testRuntime.fetch(url, init);
    return Promise.reject(Object.assign(new Error("down"), { code: "ECONNREFUSED" }));
  };
  const cut: typeof fetch = (url, init) =>
    init?.method === "POST"
      ? Promise.reject(Object.assign(new Error("cut"), { code: "ECONNRESET" }))
      : testRuntime.fetch(url, init);
  await refused(run(held("kept", grant), {}, { fetch: down }), "UNREACHABLE");
  assert.equal(steps.splice(0), ["spend", "unspent", "release"]);
  await refused(run(held("kept", grant), {}, { fetch: cut }), "UNREACHABLE");
  assert.equal(steps.splice(0), ["spend", "release"]);
  for (const [reply, after] of [
    [new Reply(401, { error: "invalid_client" }), ["spend", "unspent", "release"]],
    [new Reply(503, { error: "temporarily_unavailable" }), ["spend", "release"]],
    [new Reply(502, "<html>"), ["spend", "release"]],
    [new Reply(200, "{"), ["spend", "release"]],
  ] as const) {
    testRuntime.places["auth.example/token"] = reply;
    await rejects(run(held("kept", grant)));
    assert.equal(steps.splice(0), after);
  }
});

test("an abort ends it before the token is spent, and not between the POST and what is kept", async () => {
  const grant = await signedIn(ended);
  const reason = new Error("enough");
  assert.is(await rejects(run(held("kept", grant), {}, { signal: AbortSignal.abort(reason) })), reason);
  assert.equal(steps.splice(0), ["release"]);
  const controller = new AbortController();
  testRuntime.places["auth.example/token"] = () => {
    controller.abort(reason);
    return { access_token: "at-2", token_type: "Bearer", refresh_token: "rt-2" };
  };
  const holder = held("kept", grant);
  assert.is((await run(holder, {}, { signal: controller.signal })).how, "refreshed");
  assert.is(parseGrant(holder.grant).refreshToken, "rt-2");
});

test("an authorization server that has changed gets nothing of the old one", async () => {
  const grant = await signedIn(ended);
  testRuntime.places = { ...places({}, { authorization_servers: ["https://new.example"] }) };
  testRuntime.places["new.example/.well-known/oauth-authorization-server"] = metadata({}, "https://new.example");
  const renewal = await run(held("kept", grant));
  assert.equal(renewal, { how: "person", why: "issuer-changed" });
  assert.equal(steps, ["forget", "release"]);
});

test("client credentials: obtained and kept, given again while they are good", async () => {
  await signedIn();
  const about = {
    wwwAuthenticateParams: { scope: "read" },
    staticClientConfig: { clientId: "m", clientSecret: "s", grantType: "client_credentials" },
  };
  const holder = held("none");
  assert.is((await run(holder, about)).how, "client-credentials");
  assert.equal(steps.splice(0), ["POST", "keep", "release"]);
  const again = held("kept", holder.grant);
  assert.is((await run(again, about)).how, "kept");
  assert.is((await run(again, { ...about, reason: "reauth" }, {}, later())).how, "client-credentials");
  const registered = { clientId: "m", clientSecret: "s" };
  assert.is((await run(held("none"), {}, { clientCredentials: { registered } })).how, "client-credentials");
});
