/** What an MCP server or an authorization server could do to a broker, and what comes of it. */
import dns from "node:dns";
import { createServer } from "node:http";
import { syncBuiltinESMExports } from "node:module";
import { createServer as createTcpServer } from "node:net";
import { inspect } from "node:util";
import { beginCode, clientCredentials, discover, finishCode, type OAuthOptions, refresh } from "latchkey/oauth";
import * as assert from "uvu/assert";
import { isInnerAddress, isInnerHost } from "../../lib/oauth/address.js";
import { demand, issuer, known, places, Reply, refused, serverUrl, TestRuntime } from "../support/oauth/servers.js";
import { rejects, suite } from "../support/suite.js";
import { listen } from "../support/world/http.js";

const test = suite("hostile servers");
let testRuntime: TestRuntime;
test.before.each(async () => {
  testRuntime = await TestRuntime.open(places());
});
test.after.each(() => testRuntime[Symbol.asyncDispose]());

const oauthServer = "auth.example/.well-known/oauth-authorization-server";
const find = (options: OAuthOptions = {}) => discover(demand(), { fetch: testRuntime.fetch, ...options });
const machine = demand({ staticClientConfig: { clientId: "c-1", clientSecret: "cs-1" } });
async function token(reply: Reply | object, options: OAuthOptions = {}) {
  const { authority, client } = await known(testRuntime, machine);
  testRuntime.places["auth.example/token"] = reply;
  return clientCredentials(authority, client, { fetch: testRuntime.fetch, ...options });
}

test("a redirect of a metadata document is followed inside its origin only, and not for ever", async () => {
  testRuntime.places["auth.example/moved"] = places()[oauthServer] ?? "";
  testRuntime.places[oauthServer] = new Reply(302, "", { location: "/moved" });
  assert.is((await find()).issuer, issuer);
  for (const location of [
    "https://evil.example/",
    "http://auth.example/moved",
    "https://auth.example:8443/",
    "//evil.example/",
  ]) {
    testRuntime.places[oauthServer] = new Reply(307, "", { location });
    testRuntime.paths();
    await refused(find(), "FORBIDDEN_URL");
    assert.is(testRuntime.paths().length, 2, "nobody else was asked");
  }
  testRuntime.places[oauthServer] = new Reply(302, "", { location: "?" });
  await refused(find(), "FORBIDDEN_URL");
  assert.ok(testRuntime.paths().length < 7);
});

test("a redirect of the token endpoint is not followed, not even inside its origin", async () => {
  for (const location of ["https://evil.example/token", "https://auth.example/token2", "/token2"])
    for (const status of [302, 307, 308]) {
      testRuntime.paths();
      await refused(token(new Reply(status, "", { location })), "FORBIDDEN_URL");
      assert.is(testRuntime.asked.filter(({ method }) => method === "POST").length, 1);
    }
});

test("inner addresses are refused when the MCP server is a public one, unless they are allowed", async () => {
  const inner = ["127.0.0.1", "10.1.2.3", "169.254.169.254", "192.168.1.1", "[::1]", "[::ffff:10.0.0.1]", "[fd00::1]"];
  const tricks = [
    "2130706433",
    "0x7f.1",
    "017700000001",
    "0",
    "[64:ff9b::a9fe:a9fe]",
    "localhost",
    "metadata.internal",
    "nas",
    "x.local.",
  ];
  for (const host of [...inner, ...tricks]) {
    for (const changes of [{ token_endpoint: `https://${host}/t` }, { authorization_endpoint: `https://${host}/a` }]) {
      testRuntime.places = places(changes);
      await refused(find(), "FORBIDDEN_URL");
      await find({ allowInner: true });
    }
    testRuntime.places = places({}, { authorization_servers: [`https://${host}`] });
    testRuntime.paths();
    await refused(find(), "FORBIDDEN_URL");
    assert.is(testRuntime.paths().length, 1, "only the MCP server was asked");
  }
});

test("an MCP server in an inner network may name inner addresses", async () => {
  await using inner = await listen((_request, response, url) => {
    const at = `http://127.0.0.1:${inner.url.split(":")[2]}`;
    const body = url.pathname.includes("protected-resource")
      ? { resource: `${at}/mcp`, authorization_servers: [at] }
      : { issuer: at, token_endpoint: `${at}/token` };
    response.end(JSON.stringify(body));
  });
  const { metadata } = await discover(demand({ serverUrl: `${inner.url}/mcp` }));
  assert.is(metadata.token_endpoint, `${inner.url}/token`);
});

test("a public name that resolves to an inner address is refused where the connection is made", async () => {
  const { lookup } = dns;
  const answers = [{ address: "10.0.0.1", family: 4 }];
  const asked: string[] = [];
  // What is asked for an answer here is DNS itself, as Node's own connections ask it.
  Object.assign(dns, {
    lookup: (name: string, _options: object, callback: (error: null, found: typeof answers) => void) => {
      asked.push(name);
      callback(null, answers);
    },
  });
  syncBuiltinESMExports();
  try {
    const error = await refused(discover(demand({ serverUrl: "https://mcp.example/mcp" })), "FORBIDDEN_URL");
    assert.is(error.sent, false);
    assert.equal(asked, ["mcp.example"]);
    answers.push({ address: "::1", family: 6 });
    await refused(discover(demand({ serverUrl: "https://mcp.example/mcp" })), "FORBIDDEN_URL");
  } finally {
    Object.assign(dns, { lookup });
    syncBuiltinESMExports();
  }
});

test("every kind of inner address is known", () => {
  const inner = ["0.0.0.0", "100.64.0.1", "172.31.255.255", "192.0.0.8", "198.19.0.1", "224.0.0.1", "255.255.255.255"];
  const inner6 = [
    "::",
    "::1",
    "fe80::1",
    "fc00::",
    "ff02::1",
    "::127.0.0.1",
    "::ffff:192.168.0.1",
    "2002:7f00:1::",
    "2001::1",
    "64:ff9b::7f00:1",
  ];
  const outer = [
    "1.1.1.1",
    "172.32.0.1",
    "100.128.0.1",
    "8.8.8.8",
    "2606:4700::1111",
    "64:ff9b::808:808",
    "::ffff:8.8.8.8",
  ];
  for (const address of [...inner, ...inner6, "no address"]) assert.ok(isInnerAddress(address), address);
  for (const address of outer) assert.not.ok(isInnerAddress(address), address);
  for (const url of ["https://example.com", "https://1.1.1.1", "https://[2606:4700::1111]", "https://internal.example"])
    assert.not.ok(isInnerHost(new URL(url)), url);
});

test("answers that are too large are cut off", async () => {
  const large = `{"issuer":"${issuer}","x":"${"x".repeat(2 ** 20)}"}`;
  testRuntime.places[oauthServer] = new Reply(200, large);
  await refused(find(), "INVALID_RESPONSE");
  // The same by latchkey's own transport, from a server that never ends.
  const server = createServer((_request, response) => {
    const write = (): void =>
      void (response.write("x".repeat(65_536)) ? setImmediate(write) : response.once("drain", write));
    response.on("error", () => undefined);
    write();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const address = server.address();
    const url = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}/mcp`;
    await refused(discover(demand({ serverUrl: url })), "INVALID_RESPONSE");
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test("a server that never answers, or never ends, costs the time that was given", async () => {
  const server = createTcpServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => socket.write("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}/mcp`;
  try {
    const late = await rejects(discover(demand({ serverUrl: url }), { timeoutMs: 50 }));
    assert.is(late.name, "TimeoutError");
    const own = new Error("mine");
    const controller = new AbortController();
    const waiting = rejects(discover(demand({ serverUrl: url }), { signal: controller.signal }));
    controller.abort(own);
    assert.is(await waiting, own);
    assert.is(await rejects(discover(demand({ serverUrl: url }), { signal: AbortSignal.abort(own) })), own);
  } finally {
    server.close();
    server.unref();
  }
});

test("a URL that a server names is https without user or password, or http on real loopback", async () => {
  for (const url of [
    ...["https://user@auth.example/t", "https://:secret@auth.example/t", "ftp://127.0.0.1/t", "wss://auth.example/t"],
    ...["http://127.0.0.1.evil.example/t", "http://127.evil.example/t", "http://localhost.evil.example/t"],
  ]) {
    testRuntime.places = places({ token_endpoint: url });
    testRuntime.paths();
    await refused(find({ allowInner: true }), "FORBIDDEN_URL");
    assert.is(testRuntime.paths().length, 2, url);
  }
  testRuntime.places = places({ token_endpoint: "http://127.1.2.3/t" });
  assert.is((await find({ allowInner: true })).metadata.token_endpoint, "http://127.1.2.3/t");
});

test("an authority whose metadata is of another issuer begins nothing", async () => {
  const { authority, client } = await known(testRuntime, machine);
  testRuntime.paths();
  const mixed = { ...authority, metadata: { ...authority.metadata, issuer: "https://evil.example" } };
  const strange = { ...client, issuer: "https://evil.example" };
  const options = { fetch: testRuntime.fetch, redirectUri: "http://127.0.0.1/cb" };
  await refused(beginCode(mixed, client, options), "ISSUER_CHANGED");
  await refused(beginCode(authority, strange, options), "ISSUER_CHANGED");
  await refused(clientCredentials(mixed, client, options), "ISSUER_CHANGED");
  assert.equal(testRuntime.paths(), []);
});

test("a server that hangs up while TLS greets was sent nothing", async () => {
  const server = createTcpServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => socket.resetAndDestroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const serverUrl = `https://127.0.0.1:${typeof address === "object" ? address?.port : ""}/mcp`;
  try {
    assert.is((await refused(discover(demand({ serverUrl })), "UNREACHABLE")).sent, false);
  } finally {
    server.close();
  }
});

test("nobody there: it is said that nothing was sent", async () => {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}/mcp`;
  await new Promise((resolve) => server.close(resolve));
  const error = await refused(discover(demand({ serverUrl: url })), "UNREACHABLE");
  assert.is(error.sent, false);
  const cut = createTcpServer((socket) => void socket.once("data", () => socket.destroy()));
  await new Promise<void>((resolve) => cut.listen(0, "127.0.0.1", resolve));
  const at = cut.address();
  const other = `http://127.0.0.1:${typeof at === "object" ? at?.port : ""}/mcp`;
  try {
    assert.is((await refused(discover(demand({ serverUrl: other })), "UNREACHABLE")).sent, true);
  } finally {
    cut.close();
  }
});

test("tokens that are none: no JSON, no text, no header, another type", async () => {
  const good = { access_token: "a", token_type: "Bearer" };
  for (const body of ["<html>", "[]", "", "null", {}, { ...good, access_token: 7 }, { access_token: "a" }])
    await refused(token(new Reply(200, body)), "INVALID_RESPONSE");
  for (const access_token of ["a b", "a\nb", "a\r\nx: y", "\u00e9", "", " a", "a\u0000"])
    await refused(token({ ...good, access_token }), "INVALID_RESPONSE");
  for (const token_type of ["DPoP", "mac", ""]) await refused(token({ ...good, token_type }), "INVALID_RESPONSE");
});

test("what a server leaves out as null, or says as text, is understood", async () => {
  const answer = {
    access_token: "a",
    token_type: "bEARER",
    refresh_token: null,
    scope: null,
    id_token: null,
    expires_in: "3600.9",
  };
  const grant = await token(answer);
  assert.equal([grant.tokenType, grant.refreshToken, grant.account], ["Bearer", undefined, undefined]);
  const seconds = (Date.parse(grant.expiresAt ?? "") - Date.parse(grant.obtainedAt)) / 1000;
  assert.is(seconds, 3600);
  for (const expires_in of [0, -1, "never", 1e300, null, {}, "", Number.MAX_SAFE_INTEGER])
    assert.is((await token({ ...answer, expires_in })).expiresAt, undefined, String(expires_in));
});

test("an error with status 200 is one, and its text is made visible and short", async () => {
  const error = await refused(token({ error: "invalid\u202egrant", error_description: "x".repeat(10_000) }), "REFUSED");
  assert.is(error.error, "invalid\\u202egrant");
  assert.ok((error.description?.length ?? 0) < 600);
  const wanted = await refused(
    token(new Reply(401, { error: "invalid_client" }, { "www-authenticate": "Basic" })),
    "REFUSED",
  );
  assert.equal([wanted.error, wanted.status], ["invalid_client", 401]);
});

test("no secret is in an error: not the code, the verifier, the token, the client's secret", async () => {
  const { authority, client } = await known(testRuntime, machine);
  const flow = await beginCode(authority, client, { redirectUri: "http://127.0.0.1/cb" });
  const callback = `http://127.0.0.1/cb?code=code-1&state=${flow.state}`;
  const errors: unknown[] = [];
  for (const reply of [
    { access_token: "at-1", token_type: "mac" },
    { access_token: "at-1", token_type: "Bearer", scope: 7 },
    new Reply(200, { access_token: "at-1\n", token_type: "Bearer" }),
    new Reply(500, "at-1"),
    new Reply(302, "", { location: "https://evil.example" }),
  ]) {
    testRuntime.places["auth.example/token"] = reply;
    errors.push(await rejects(finishCode(flow, callback, { fetch: testRuntime.fetch })));
    errors.push(await rejects(finishCode(flow, `${callback}&response=x`, { fetch: testRuntime.fetch })));
  }
  errors.push(await rejects(finishCode(flow, callback, { fetch: () => Promise.reject(new Error("down")) })));
  for (const error of errors) {
    const shown = inspect(error, { depth: 10 }) + JSON.stringify(error);
    for (const secret of ["at-1", "code-1", "cs-1", flow.verifier, flow.state]) assert.not.match(shown, secret);
  }
});

test("a refresh answered twice or not at all is not repeated", async () => {
  const { authority, client } = await known(testRuntime);
  const flow = await beginCode(authority, client, { redirectUri: "http://127.0.0.1/cb" });
  const grant = await finishCode(flow, `?code=c&state=${flow.state}`, { fetch: testRuntime.fetch });
  for (const reply of [new Reply(503, ""), new Reply(400, { error: "invalid_grant" }), new Reply(200, "")]) {
    testRuntime.places["auth.example/token"] = reply;
    testRuntime.paths();
    await rejects(refresh(grant, { fetch: testRuntime.fetch }));
    assert.equal(testRuntime.paths(), ["auth.example/token"]);
  }
  assert.is(grant.resource, serverUrl);
});
