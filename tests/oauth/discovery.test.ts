/** From the challenge to the authorization server: what the MCP authorization specification 2026-07-28 says that a client MUST do. */
import { discover } from "latchkey/oauth";
import * as assert from "uvu/assert";
import {
  demand,
  issuer,
  metadata,
  places,
  protectedResource,
  Reply,
  refused,
  TestRuntime,
} from "../support/oauth/servers.js";
import { suite } from "../support/suite.js";

const test = suite("discovery");
let testRuntime: TestRuntime;
test.before.each(async () => {
  testRuntime = await TestRuntime.open(places());
});
test.after.each(() => testRuntime[Symbol.asyncDispose]());

const find = (about: Parameters<typeof demand>[0] = {}, options: Parameters<typeof discover>[1] = {}) =>
  discover(demand(about), { fetch: testRuntime.fetch, ...options });
const wellKnown = "mcp.example/.well-known/oauth-protected-resource";
const oauthServer = "/.well-known/oauth-authorization-server";
const openId = "/.well-known/openid-configuration";

test("resource metadata: the URL of the challenge first, then that of the path, then that of the root", async () => {
  testRuntime.places = {};
  const wwwAuthenticateParams = { resourceMetadataUrl: "https://mcp.example/meta?x=1" };
  await refused(find({ wwwAuthenticateParams }), "NO_METADATA");
  assert.equal(testRuntime.paths(), ["mcp.example/meta?x=1", `${wellKnown}/mcp`, wellKnown]);
  await refused(find({ serverUrl: "https://mcp.example/" }), "NO_METADATA");
  assert.equal(testRuntime.paths(), [wellKnown]);
});

test("resource metadata: the one that the runtime has fetched is not fetched again", async () => {
  await find({ resourceMetadata: JSON.stringify(protectedResource()) });
  assert.equal(testRuntime.paths(), [`auth.example${oauthServer}`]);
});

test("resource metadata: what the runtime has and cannot be used is fetched", async () => {
  const { resource } = await find({ resourceMetadata: "<html>" });
  assert.is(resource, "https://mcp.example/mcp");
});

test("resource metadata: is found in a raw challenge that the runtime did not understand", async () => {
  testRuntime.places["mcp.example/m"] = protectedResource();
  const { paths } = testRuntime;
  for (const challenge of [
    `Bearer resource_metadata = 'https://mcp.example/m'`,
    `Basic realm="x", Bearer error="invalid_token",resource_metadata="https://mcp.example/m", resource_metadata="https://evil.example"`,
    "bearer resource_metadata=https://mcp.example/m",
  ]) {
    await find({ challenge });
    assert.is(paths.call(testRuntime)[0], "mcp.example/m", challenge);
  }
});

test("a hostile challenge costs no time", async () => {
  for (const challenge of [
    "a".repeat(100_000),
    'a="'.repeat(30_000),
    "a \t".repeat(30_000),
    `a="${"\\".repeat(50_000)}`,
  ]) {
    const before = process.cpuUsage();
    await find({ challenge: `Bearer ${challenge}` });
    const { user } = process.cpuUsage(before);
    assert.ok(user < 1_000_000, `${user} µs of CPU`);
  }
});

test("resource fits the server: same origin, and the path or one above it", async () => {
  const good = ["https://mcp.example/mcp", "https://mcp.example/", "https://mcp.example", "https://MCP.example/mcp/"];
  const bad = [
    ...[
      "https://mcp.example/mc",
      "https://mcp.example/mcp/x",
      "https://mcp.example:8443/mcp",
      "http://mcp.example/mcp",
    ],
    ...["https://evil.example/mcp", "https://mcp.example.evil/mcp", "https://mcp.example/mcp?tenant=1", "nonsense"],
    "https://mcp.example/mcp#x",
  ];
  for (const resource of good) {
    testRuntime.places = places({}, { resource });
    assert.is((await find()).resource, resource, "sent exactly as the metadata has it");
  }
  for (const resource of bad) {
    testRuntime.places = places({}, { resource });
    await refused(find(), "RESOURCE_MISMATCH");
  }
  // An event's own copy is looked at in the same way.
  await refused(
    find({ resourceMetadata: JSON.stringify(protectedResource({ resource: bad[0] })) }),
    "RESOURCE_MISMATCH",
  );
});

test("authorization servers: none, or not the one that is asked for, is refused", async () => {
  testRuntime.places = places({}, { authorization_servers: [] });
  await refused(find(), "INVALID_METADATA");
  testRuntime.places = places({}, { authorization_servers: ["https://other.example", issuer] });
  testRuntime.places["other.example/.well-known/oauth-authorization-server"] = metadata({}, "https://other.example");
  assert.is((await find()).issuer, "https://other.example");
  assert.is((await find({}, { issuer })).issuer, issuer);
  await refused(find({}, { issuer: "https://third.example" }), "ISSUER_CHANGED");
});

test("order of metadata URLs: RFC 8414, then OpenID Connect, without a path in the issuer", async () => {
  delete testRuntime.places[`auth.example${oauthServer}`];
  await refused(find(), "NO_METADATA");
  assert.equal(testRuntime.paths().slice(1), [`auth.example${oauthServer}`, `auth.example${openId}`]);
});

test("order of metadata URLs: RFC 8414 inserted, OpenID Connect inserted, then appended, with a path", async () => {
  testRuntime.places = places({}, { authorization_servers: ["https://auth.example/t/1"] });
  await refused(find(), "NO_METADATA");
  assert.equal(testRuntime.paths().slice(1), [
    ...[`auth.example${oauthServer}/t/1`, `auth.example${openId}/t/1`, `auth.example/t/1${openId}`],
  ]);
  testRuntime.places[`auth.example/t/1${openId}`] = metadata({}, "https://auth.example/t/1");
  assert.is((await find()).metadata.token_endpoint, "https://auth.example/t/1/token");
});

test("issuer identical: anything else in the document is refused, and no other place is asked", async () => {
  for (const other of [
    "https://auth.example/",
    "https://AUTH.example",
    "https://auth.example:443",
    "https://evil.example",
  ]) {
    testRuntime.places = places({ issuer: other });
    await refused(find(), "ISSUER_MISMATCH");
    assert.is(testRuntime.paths().length, 2);
  }
});

test("https for everything: http is refused beyond loopback, unless it is allowed", async () => {
  for (const name of ["authorization_endpoint", "token_endpoint", "registration_endpoint", "revocation_endpoint"]) {
    testRuntime.places = places({ [name]: "http://auth.example/x" });
    await refused(find(), "FORBIDDEN_URL");
    await find({}, { allowHttp: true });
    for (const url of ["javascript:alert(1)", "file:///etc/passwd", "https://u:p@auth.example/x", "no url"]) {
      testRuntime.places = places({ [name]: url });
      await refused(find({}, { allowHttp: true }), "FORBIDDEN_URL");
    }
  }
  testRuntime.places = places({}, { authorization_servers: ["http://auth.example"] });
  await refused(find(), "FORBIDDEN_URL");
});

test("documents that are none: no JSON, no object, an error of the server, null for what is left out", async () => {
  const path = `auth.example${oauthServer}`;
  for (const body of ["<html>", "[]", "null", '"x"', "{"]) {
    testRuntime.places[path] = new Reply(200, body);
    await refused(find(), "INVALID_METADATA");
  }
  testRuntime.places[path] = new Reply(503, {});
  assert.is((await refused(find(), "INVALID_RESPONSE")).status, 503);
  testRuntime.places[path] = metadata({ token_endpoint: 7 });
  await refused(find(), "INVALID_METADATA");
  testRuntime.places[path] = metadata({
    token_endpoint: null,
    scopes_supported: null,
    code_challenge_methods_supported: null,
  });
  assert.is("token_endpoint" in (await find()).metadata, false);
});

test("a server of before 2025-06-18 is its own authorization server, where the host says so", async () => {
  testRuntime.places = { [`mcp.example${oauthServer}`]: metadata({}, "https://mcp.example") };
  await refused(find(), "NO_METADATA");
  const { issuer, resource } = await find({}, { legacy: true });
  assert.equal([issuer, resource], ["https://mcp.example", "https://mcp.example/mcp"]);
});

test("resource metadata: a query is that of the server, or none", async () => {
  const serverUrl = "https://mcp.example/mcp?tenant=1";
  for (const resource of [serverUrl, "https://mcp.example/mcp"]) {
    testRuntime.places = places({}, { resource });
    assert.is((await find({ serverUrl })).resource, resource);
  }
  for (const resource of ["https://mcp.example/mcp?tenant=2", "https://mcp.example/mcp?tenant=1&x"]) {
    testRuntime.places = places({}, { resource });
    await refused(find({ serverUrl }), "RESOURCE_MISMATCH");
  }
});
