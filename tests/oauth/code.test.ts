/** The code flow, as the MCP authorization specification 2026-07-28 and RFC 9207 want it. */
import { createHash } from "node:crypto";
import { inspect } from "node:util";
import { type BeginCodeOptions, beginCode, type CodeFlow, finishCode, refresh } from "latchkey/oauth";
import * as assert from "uvu/assert";
import { demand, issuer, known, places, Reply, refused, serverUrl, TestRuntime } from "../support/oauth/servers.js";
import { rejects, suite } from "../support/suite.js";

const test = suite("code flow");
const redirectUri = "http://127.0.0.1:7777/callback";
let testRuntime: TestRuntime;
test.before.each(async () => {
  testRuntime = await TestRuntime.open(places());
});
test.after.each(() => testRuntime[Symbol.asyncDispose]());

async function start(changes: object = {}, options: Partial<BeginCodeOptions> = {}): Promise<CodeFlow> {
  testRuntime.places = { ...testRuntime.places, ...places(changes) };
  const { authority, client } = await known(testRuntime);
  return beginCode(authority, client, { redirectUri, scope: ["read"], fetch: testRuntime.fetch, ...options });
}
const back = (flow: CodeFlow, answer: Record<string, string> = {}): string =>
  `${redirectUri}?${new URLSearchParams({ code: "code-1", state: flow.state, ...answer })}`;
const finish = (flow: CodeFlow, answer?: Record<string, string>) =>
  finishCode(flow, back(flow, answer), { fetch: testRuntime.fetch });
const posts = () => testRuntime.asked.filter(({ method }) => method === "POST").length;

test("S256 or refusal", async () => {
  for (const methods of [undefined, [], ["plain"]])
    await refused(start({ code_challenge_methods_supported: methods }), "NO_PKCE");
  const { url, verifier } = await start();
  const { searchParams } = new URL(url);
  assert.is(searchParams.get("code_challenge_method"), "S256");
  assert.is(searchParams.get("code_challenge"), createHash("sha256").update(verifier).digest("base64url"));
  const grant = await start().then((flow) => finish(flow));
  assert.is(grant.accessToken, "at-1");
  assert.match(testRuntime.post("/token").form.get("code_verifier") ?? "", /^[\w-]{43}$/);
});

test("resource on authorize, token and refresh, exactly as the metadata has it", async () => {
  const flow = await start();
  assert.is(new URL(flow.url).searchParams.get("resource"), serverUrl);
  const grant = await finish(flow);
  assert.is(testRuntime.post("/token").form.get("resource"), serverUrl);
  testRuntime.paths();
  await refresh(grant, { fetch: testRuntime.fetch });
  const { form } = testRuntime.post("/token");
  assert.equal(
    [form.get("resource"), form.get("grant_type"), form.get("refresh_token")],
    [serverUrl, "refresh_token", "rt-1"],
  );
});

test("state: a callback of another sign-in is refused before any token request", async () => {
  const [flow, other] = [await start(), await start()];
  assert.ok(flow.state.length >= 43 && flow.state !== other.state && flow.verifier !== other.verifier);
  const { asked } = testRuntime;
  const before = asked.length;
  for (const state of [other.state, "", flow.state.toLowerCase(), `${flow.state} `])
    await refused(finish(flow, { state }), "STATE_MISMATCH");
  await refused(finishCode(flow, `${redirectUri}?code=c`), "STATE_MISMATCH");
  await refused(finishCode(flow, `${back(flow)}&state=${flow.state}`), "INVALID_RESPONSE");
  await refused(finish(flow, { state: "", error: "access_denied" }), "STATE_MISMATCH");
  assert.is(asked.length, before);
});

/** RFC 9207 as the specification tells it: whether the server announces `iss`, what the callback says, and what comes of it. */
const table: readonly [advertised: boolean | undefined, iss: string | undefined, good: boolean][] = [
  [true, issuer, true],
  [true, undefined, false],
  [true, "https://evil.example", false],
  [undefined, issuer, true],
  [undefined, undefined, true],
  [undefined, "https://evil.example", false],
  [false, "https://evil.example", false],
  [true, `${issuer}/`, false],
  [true, "https://AUTH.example", false],
  [true, "https://auth.example:443", false],
  [undefined, "", false],
  [true, "", false],
];
for (const [advertised, iss, good] of table) {
  const says = `announced ${advertised ?? "not"}, callback ${iss === undefined ? "without iss" : `with iss "${iss}"`}`;
  test(`RFC 9207: ${says}: ${good ? "goes on" : "is refused before any POST, with an error as well"}`, async () => {
    const flow = await start({ authorization_response_iss_parameter_supported: advertised });
    const answer = iss === undefined ? {} : { iss };
    if (good) {
      assert.is((await finish(flow, answer)).issuer, issuer);
      const error = await refused(
        finish(flow, { ...answer, error: "access_denied", error_description: "no" }),
        "REFUSED",
      );
      assert.equal([error.error, error.description, error.step], ["access_denied", "no", "authorization"]);
    } else {
      await refused(finish(flow, answer), "ISSUER_MISMATCH");
      const lie = { ...answer, error: "access_denied", error_description: "call +1 555" };
      const error = await refused(finish(flow, lie), "ISSUER_MISMATCH");
      assert.not.match(inspect(error), /555|access_denied/, "no error_description on a mismatch");
      assert.equal([error.error, error.description], [undefined, undefined]);
      assert.is(posts(), 0);
    }
  });
}

test("no error_description on another sign-in's callback", async () => {
  const error = await refused(
    finish(await start(), { state: "x", error: "e", error_description: "call +1 555" }),
    "STATE_MISMATCH",
  );
  assert.not.match(inspect(error), /555/);
});

test("a callback without code, with the one twice, or with tokens in it is none", async () => {
  const flow = await start();
  await refused(finish(flow, { code: "" }), "INVALID_RESPONSE");
  await refused(finishCode(flow, `${back(flow)}&code=other`, { fetch: testRuntime.fetch }), "INVALID_RESPONSE");
  await refused(finish(flow, { id_token: "x" }), "INVALID_RESPONSE");
  await refused(finish(flow, { response: "jarm" }), "INVALID_RESPONSE");
  assert.is(posts(), 0);
});

test("client and grant are bound to their issuer", async () => {
  const { authority, client } = await known(testRuntime);
  const stranger = { ...client, issuer: "https://evil.example" };
  await refused(beginCode(authority, stranger, { redirectUri }), "ISSUER_CHANGED");
  const grant = await finish(await start());
  const before = posts();
  await refused(refresh({ ...grant, issuer: "https://evil.example" }, { fetch: testRuntime.fetch }), "ISSUER_CHANGED");
  const moved = {
    ...authority,
    issuer: "https://new.example",
    metadata: { ...authority.metadata, issuer: "https://new.example" },
  };
  await refused(refresh(grant, { fetch: testRuntime.fetch, authority: moved }), "ISSUER_CHANGED");
  await refused(
    refresh(grant, { fetch: testRuntime.fetch, authority: { ...authority, resource: "https://mcp.example/" } }),
    "ISSUER_CHANGED",
  );
  assert.is(posts(), before);
  assert.is((await refresh(grant, { fetch: testRuntime.fetch, authority })).accessToken, "at-1");
});

test("offline_access comes with prompt=consent, other parameters cannot replace the flow's own", async () => {
  const { searchParams } = new URL((await start({}, { scope: ["offline_access"] })).url);
  assert.is(searchParams.get("prompt"), "consent");
  const flow = await start({}, { scope: [], parameters: { login_hint: "ada", state: "mine", resource: "x" } });
  const own = new URL(flow.url).searchParams;
  assert.equal(
    [own.get("login_hint"), own.get("state"), own.get("resource"), own.has("scope")],
    ["ada", flow.state, serverUrl, false],
  );
  assert.is(own.has("prompt"), false);
});

test("redirect URIs are on loopback or https", async () => {
  for (const uri of ["http://app.example/cb", "app:cb", "https://app.example/#x", "https://me@app.example/"])
    assert.instance(await rejects(start({}, { redirectUri: uri })), TypeError, uri);
  for (const uri of ["https://app.example/cb", "http://localhost/cb", "http://[::1]:8/cb"])
    assert.is((await start({}, { redirectUri: uri })).redirectUri, uri);
});

test("a pushed request (RFC 9126) where the server wants it: nothing but its name is in the URL", async () => {
  const par = { require_pushed_authorization_requests: true, pushed_authorization_request_endpoint: `${issuer}/par` };
  testRuntime.places["auth.example/par"] = new Reply(201, { request_uri: "urn:1", expires_in: 60 });
  const flow = await start(par);
  const { form } = testRuntime.post("/par");
  assert.equal(
    [form.get("state"), form.get("resource"), form.get("code_challenge_method")],
    [flow.state, serverUrl, "S256"],
  );
  assert.equal(
    [...new URL(flow.url).searchParams],
    [
      ["client_id", "c-1"],
      ["request_uri", "urn:1"],
    ],
  );
  testRuntime.places["auth.example/par"] = new Reply(400, { error: "invalid_target" });
  assert.is((await refused(start(par), "REFUSED")).error, "invalid_target");
  await refused(start({ ...par, pushed_authorization_request_endpoint: undefined }), "NO_ENDPOINT");
});

test("a step-up that brings nothing new is counted, one that does begins anew", async () => {
  const before = { scope: ["read"], stepUps: 1 };
  const token = (scope: string) => ({ access_token: "a", token_type: "Bearer", scope });
  testRuntime.places["auth.example/token"] = token("read");
  const flow = await start({}, { before });
  testRuntime.places["auth.example/token"] = token("read");
  assert.is((await finish(flow)).stepUps, 2);
  testRuntime.places["auth.example/token"] = token("read write");
  assert.is((await finish(flow)).stepUps, 0);
});

test("a request of another kind is the caller's mistake", async () => {
  const request = { ...demand(), kind: "permission.requested" };
  // @ts-expect-error another kind
  assert.instance(await rejects(known(testRuntime, request)), TypeError);
});
