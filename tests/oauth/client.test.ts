/** Which client to be, and which scopes to ask for, as the MCP authorization specification 2026-07-28 says. */
import {
  type ChooseClientOptions,
  chooseClient,
  chooseScope,
  discover,
  OAuthError,
  type RegisteredClient,
} from "latchkey/oauth";
import * as assert from "uvu/assert";
import { type Demand, demand, issuer, known, places, Reply, refused, TestRuntime } from "../support/oauth/servers.js";
import { rejects, suite } from "../support/suite.js";

const test = suite("client and scope");
let testRuntime: TestRuntime;
test.before.each(async () => {
  testRuntime = await TestRuntime.open(places());
});
test.after.each(() => testRuntime[Symbol.asyncDispose]());

async function choose(options: ChooseClientOptions = {}, about: Demand = {}) {
  const authority = await discover(demand(about), { fetch: testRuntime.fetch });
  return chooseClient(demand(about), authority, { fetch: testRuntime.fetch, ...options });
}
const metadataUrl = "https://app.example/client.json";
const register = { redirectUris: ["http://127.0.0.1/callback"], name: "Test" };
const registered: RegisteredClient = { clientId: "by-hand" };
const everything = { client_id_metadata_document_supported: true };

test("registration order: registered, then the metadata document, then dynamic, then a person", async () => {
  testRuntime.places = places(everything);
  testRuntime.places["auth.example/register"] = new Reply(201, { client_id: "dynamic-1" });
  const staticClientConfig = { clientId: "configured" };
  assert.is((await choose({ registered, metadataUrl, register }, { staticClientConfig })).clientId, "by-hand");
  assert.is((await choose({ metadataUrl, register }, { staticClientConfig })).clientId, "configured");
  assert.is((await choose({ metadataUrl, register })).clientId, metadataUrl);
  assert.is((await choose({ register })).clientId, "dynamic-1");
  await refused(choose(), "NO_CLIENT");
  testRuntime.places = places({ registration_endpoint: undefined });
  await refused(choose({ metadataUrl, register }), "NO_CLIENT");
});

test("a registered client is bound to its issuer: an error when the server has changed, and no other client in its place", async () => {
  await refused(choose({ registered: { ...registered, issuer: "https://old.example" }, register }), "ISSUER_CHANGED");
  const client = await choose({ registered });
  assert.is(client.issuer, issuer);
  assert.is((await choose({ registered: client })).clientId, "by-hand");
  await refused(choose({ registered: { ...client, issuer: `${issuer}/` } }), "ISSUER_CHANGED");
});

test("the client ID of a metadata document is an https URL with a path", async () => {
  testRuntime.places = places(everything);
  for (const url of [
    "http://app.example/c",
    "https://app.example",
    "https://app.example/",
    "https://a@app.example/c",
    "https://:secret@app.example/c",
    "https://app.example/c#part",
    "c",
  ])
    assert.instance(await rejects(choose({ metadataUrl: url })), TypeError, url);
  assert.instance(await rejects(choose({ metadataUrl: "https://app.example/a/../c" })), TypeError);
});

test("a redirect URI is https, or http on loopback, and nothing else is in it", async () => {
  testRuntime.places = places(everything);
  for (const uri of [
    ...["http://app.example/cb", "http://127.0.0.1.evil.example/cb", "ftp://127.0.0.1/cb", "app:/cb", "cb"],
    ...["https://app.example/cb#x", "https://a@app.example/cb", "https://:secret@app.example/cb"],
  ])
    assert.instance(await rejects(choose({ register: { ...register, redirectUris: [uri] } })), TypeError, uri);
});

test("dynamic registration says application_type, and asks for what the server supports", async () => {
  testRuntime.places["auth.example/register"] = new Reply(201, { client_id: "d", client_secret: "s" });
  testRuntime.places["auth.example/.well-known/oauth-authorization-server"] = {
    ...Object(places()["auth.example/.well-known/oauth-authorization-server"]),
    token_endpoint_auth_methods_supported: ["client_secret_post", "none"],
  };
  const sent = async (redirectUris: string[]) => {
    await choose({ register: { ...register, redirectUris } });
    return JSON.parse(testRuntime.post("/register").body);
  };
  const native = await sent(["http://localhost:1/cb", "http://[::1]/cb"]);
  assert.is(native.application_type, "native");
  assert.is(native.token_endpoint_auth_method, "none");
  assert.equal(native.grant_types, ["authorization_code", "refresh_token"]);
  testRuntime.paths();
  const web = await sent(["https://app.example/cb"]);
  assert.equal([web.application_type, web.token_endpoint_auth_method], ["web", "client_secret_post"]);
});

test("a registration without client_secret_expires_at is taken, and one that ends says when", async () => {
  const answer = (changes: object) => {
    testRuntime.places["auth.example/register"] = new Reply(201, { client_id: "d", ...changes });
    return choose({ register: { ...register, authMethod: "client_secret_basic" } });
  };
  assert.equal((await answer({ client_secret: "s" })).clientSecret, "s");
  assert.is((await answer({ client_secret: "s", client_secret_expires_at: 0 })).expiresAt, undefined);
  assert.is(
    (await answer({ client_secret: "s", client_secret_expires_at: 1e9 })).expiresAt,
    "2001-09-09T01:46:40.000Z",
  );
  assert.is((await answer({ client_secret: null })).authMethod, "none");
  assert.is(
    (await answer({ client_secret: "s", token_endpoint_auth_method: "client_secret_post" })).authMethod,
    "client_secret_post",
  );
});

test("a kept client stays what it was, and one whose secret has ended is registered anew", async () => {
  testRuntime.places["auth.example/register"] = new Reply(201, {
    ...{ client_id: "d", client_secret: "s", client_secret_expires_at: 4e9 },
  });
  const wanted = { ...register, authMethod: "client_secret_basic" } as const;
  const client = await choose({ register: wanted });
  assert.equal(await choose({ registered: JSON.parse(JSON.stringify(client)), register: wanted }), client);
  assert.is(testRuntime.asked.filter(({ method }) => method === "POST").length, 1);
  const ended = { ...client, clientId: "old", expiresAt: new Date(1000).toISOString() };
  assert.is((await choose({ registered: ended, register: wanted })).clientId, "d");
  await refused(choose({ registered: ended }), "NO_CLIENT");
});

test("a registration that is refused, or none, says so", async () => {
  testRuntime.places["auth.example/register"] = new Reply(400, {
    error: "invalid_redirect_uri",
    error_description: "a\u001b[31m",
  });
  const error = await refused(choose({ register }), "REFUSED");
  assert.equal([error.step, error.error, error.description], ["registration", "invalid_redirect_uri", "a\\u001b[31m"]);
  for (const reply of [new Reply(201, "<html>"), new Reply(201, {}), new Reply(200, [1]), new Reply(500, "")]) {
    testRuntime.places["auth.example/register"] = reply;
    await refused(choose({ register }), "INVALID_RESPONSE");
  }
});

test("redirect URIs are on loopback or https", async () => {
  for (const uri of [
    "http://app.example/cb",
    "myapp://cb",
    "https://app.example/cb#x",
    "cb",
    "http://localhost.evil.example/",
  ])
    assert.instance(await rejects(choose({ register: { ...register, redirectUris: [uri] } })), TypeError, uri);
});

test("scopes: the challenge, else what is configured, else scopes_supported, else none", async () => {
  testRuntime.places = places({ scopes_supported: ["as"] }, { scopes_supported: ["r1", "r2"] });
  const { authority } = await known(testRuntime);
  const wwwAuthenticateParams = { scope: "c1 c2 c1" };
  const staticClientConfig = { clientId: "c", scope: "conf" };
  assert.equal(chooseScope(demand({ wwwAuthenticateParams, staticClientConfig }), authority), ["c1", "c2"]);
  assert.equal(chooseScope(demand({ staticClientConfig }), authority), ["conf"]);
  assert.equal(chooseScope(demand(), authority), ["r1", "r2"]);
  testRuntime.places = places();
  assert.equal(chooseScope(demand(), (await known(testRuntime)).authority), []);
});

test("scopes: an empty one, or one of quotation marks, is none", async () => {
  testRuntime.places = places({}, { scopes_supported: ["r1"] });
  const { authority } = await known(testRuntime);
  for (const scope of ["", '""', "  ", "''".repeat(0)])
    assert.equal(chooseScope(demand({ wwwAuthenticateParams: { scope } }), authority), ["r1"], scope);
  assert.equal(chooseScope(demand({ challenge: 'Bearer scope="a b"' }), authority), ["a", "b"]);
  assert.equal(chooseScope(demand({ wwwAuthenticateParams: { scope: '"a' } }), authority), ["a"]);
});

test("scopes: a step-up asks for the union with what was asked for before", async () => {
  const { authority } = await known(testRuntime);
  const request = demand({ reason: "upscope", wwwAuthenticateParams: { scope: "write", error: "insufficient_scope" } });
  assert.equal(chooseScope(request, authority, { scope: ["read"] }), ["read", "write"]);
  assert.equal(chooseScope(request, authority, { scope: ["read"], requested: ["read", "more"] }), [
    "read",
    "more",
    "write",
  ]);
});

test("scopes: two step-ups in a row that bring nothing new are the limit", async () => {
  const { authority } = await known(testRuntime);
  const request = demand({ reason: "upscope", wwwAuthenticateParams: { scope: "write", error: "insufficient_scope" } });
  assert.equal(chooseScope(request, authority, { scope: ["write"], stepUps: 1 }), ["write"]);
  try {
    chooseScope(request, authority, { scope: ["write"], stepUps: 2 });
    assert.unreachable();
  } catch (error) {
    assert.instance(error, OAuthError);
    assert.is((error as OAuthError).code, "STEP_UP_LIMIT");
  }
  assert.equal(chooseScope(demand(), authority, { scope: ["write"], stepUps: 2 }), ["write"], "not a step-up");
});

test("offline_access only where the server lists it, and not without refresh tokens or a person", async () => {
  const scopes = async (changes: object, about: Demand = {}) => {
    testRuntime.places = places(changes, { scopes_supported: ["r", "offline_access"] });
    return chooseScope(demand(about), (await known(testRuntime)).authority);
  };
  const lists = { scopes_supported: ["offline_access"] };
  assert.equal(await scopes(lists), ["r", "offline_access"]);
  assert.equal(await scopes({}), ["r"]);
  assert.equal(await scopes({ ...lists, grant_types_supported: ["authorization_code"] }), ["r"]);
  const staticClientConfig = { clientId: "c", grantType: "client_credentials" };
  assert.equal(await scopes(lists, { staticClientConfig }), ["r"]);
});
