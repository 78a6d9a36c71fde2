/** What goes from process to process: whole as JSON, redacted when printed, checked when it comes back. */
import { inspect } from "node:util";
import { ValidationError } from "latchkey";
import {
  beginCode,
  beginDevice,
  chooseClient,
  clientCredentials,
  discover,
  finishCode,
  finishDevice,
  type Grant,
  parseAuthority,
  parseClient,
  parseFlow,
  parseGrant,
  refresh,
  revoke,
  toAnswer,
} from "latchkey/oauth";
import * as assert from "uvu/assert";
import { demand, known, places, Reply, refused, TestRuntime } from "../support/oauth/servers.js";
import { rejects, suite } from "../support/suite.js";

const test = suite("values and grants");
let testRuntime: TestRuntime;
test.before.each(async () => {
  testRuntime = await TestRuntime.open(places());
  testRuntime.places["auth.example/device"] = {
    ...{
      device_code: "dc-1",
      user_code: "WDJB-MJHT",
      verification_uri: "https://auth.example/d",
      expires_in: 60,
      interval: 0,
    },
    verification_uri_complete: "https://auth.example/d?code=WDJB-MJHT",
  };
});
test.after.each(() => testRuntime[Symbol.asyncDispose]());

const redirectUri = "http://127.0.0.1/cb";
const machine = (config: object = {}) =>
  demand({ staticClientConfig: { clientId: "c-1", clientSecret: "cs-1", ...config } });
async function everything() {
  const { authority, client } = await known(testRuntime, machine());
  const options = { fetch: testRuntime.fetch, scope: ["read"] };
  const flow = await beginCode(authority, client, { redirectUri, ...options });
  const device = await beginDevice(authority, client, options);
  const grant = await finishCode(flow, `?code=c&state=${flow.state}`, options);
  return { authority, client, flow, device, grant };
}
const again = (value: unknown) => JSON.parse(JSON.stringify(value));

test("JSON.stringify gives everything whole, and everything comes back from it", async () => {
  const { authority, client, flow, device, grant } = await everything();
  const back = [
    parseAuthority(again(authority)),
    parseClient(again(client)),
    parseFlow(again(flow)),
    parseFlow(again(device)),
  ];
  assert.equal(back, [authority, client, flow, device]);
  assert.equal(parseGrant(JSON.stringify(grant)), grant);
  const text = JSON.stringify([client, flow, device, grant]);
  for (const secret of ["cs-1", "at-1", "rt-1", "dc-1", flow.verifier, flow.state])
    assert.ok(text.includes(secret), secret);
  assert.is((await finishDevice(again(device), { fetch: testRuntime.fetch })).accessToken, "at-1");
});

test("util.inspect shows secrets redacted, before and after a trip through JSON", async () => {
  const { authority, client, flow, device, grant } = await everything();
  const secrets = ["cs-1", "at-1", "rt-1", "dc-1", "WDJB", flow.verifier, flow.state];
  const back = [parseClient(again(client)), parseFlow(again(flow)), parseFlow(again(device)), parseGrant(again(grant))];
  for (const value of [
    authority,
    client,
    flow,
    device,
    grant,
    ...back,
    { deep: [grant] },
    new Error("x", { cause: grant }),
  ]) {
    const shown = inspect(value, { depth: 10 });
    for (const secret of secrets) assert.not.match(shown, secret);
  }
  assert.match(inspect(grant), /issuer: 'https:\/\/auth.example'/);
});

test("what is of another version, or changed, is refused without showing it", async () => {
  const { authority, client, flow, grant } = await everything();
  for (const wrong of [undefined, null, 7, "x", [], {}, { ...flow, v: 2 }, { ...flow, verifier: 7 }, again(grant)]) {
    const error = await rejects(finishCode(wrong as typeof flow, "?code=c"));
    assert.instance(error, ValidationError);
    assert.not.match(inspect(error), /at-1|cs-1/);
  }
  const newer = { ...grant, v: 2 } as unknown as Grant;
  assert.instance(await rejects(Promise.resolve().then(() => toAnswer(newer))), ValidationError);
  assert.instance(
    await rejects(beginCode(client as unknown as typeof authority, client, { redirectUri })),
    ValidationError,
  );
});

test("what the runtime is answered is the access token alone, and how long it still lives", async () => {
  const { grant } = await everything();
  const answer = toAnswer(grant);
  assert.equal(Object.keys(answer).sort(), ["accessToken", "expiresIn", "kind", "tokenType"]);
  assert.equal([answer.kind, answer.accessToken, answer.tokenType], ["token", "at-1", "Bearer"]);
  assert.ok(answer.expiresIn !== undefined && answer.expiresIn > 3590 && answer.expiresIn <= 3600);
  const { expiresAt: _, ...unlimited } = grant;
  assert.equal(toAnswer(unlimited), { kind: "token", accessToken: "at-1", tokenType: "Bearer" });
  for (const left of [900, 0, -1, -86_400_000]) {
    const expiresAt = new Date(Date.now() + left).toISOString();
    await refused((async () => toAnswer({ ...grant, expiresAt }))(), "EXPIRED");
  }
});

test("an end that Date cannot read is refused, for it would never come", async () => {
  const { grant, device } = await everything();
  for (const expiresAt of ["2999-01-01T00:00:00+01", "2999-01-01 00:00:00.5-11", "soon"]) {
    const error = await rejects((async () => toAnswer({ ...grant, expiresAt }))());
    assert.instance(error, ValidationError);
    assert.instance(
      await rejects(finishDevice({ ...device, expiresAt }, { fetch: testRuntime.fetch })),
      ValidationError,
    );
  }
  assert.ok(Number(toAnswer({ ...grant, expiresAt: "2999-01-01T00:00:00+01:00" }).expiresIn) > 1);
});

test("a time limit that is none is a TypeError before anything is sent", async () => {
  const { authority, client, flow, device, grant } = await everything();
  testRuntime.asked.length = 0;
  for (const timeoutMs of [-1, Number.NaN, "5", {}] as number[]) {
    const options = { fetch: testRuntime.fetch, timeoutMs };
    for (const call of [
      () => discover(machine(), options),
      () => chooseClient(demand(), authority, { ...options, register: { name: "x", redirectUris: [redirectUri] } }),
      () => finishCode(flow, `?code=c&state=${flow.state}`, options),
      () => beginDevice(authority, client, options),
      () => finishDevice(device, options),
      () => clientCredentials(authority, client, options),
      () => refresh(grant, options),
      () => revoke(grant, options),
    ])
      assert.match((await rejects(call(), { type: TypeError })).message, '"timeoutMs"', String(call));
  }
  assert.equal(testRuntime.asked, []);
  for (const timeoutMs of [2 ** 31, 2 ** 40, Number.POSITIVE_INFINITY])
    assert.is((await refresh(grant, { fetch: testRuntime.fetch, timeoutMs })).accessToken, "at-1");
});

test("the account is that of an ID token of this issuer for this client, and of no other", async () => {
  const account = async (claims: object): Promise<string | undefined> => {
    const payload = Buffer.from(
      JSON.stringify({ iss: "https://auth.example", aud: "c-1", sub: "u1", ...claims }),
    ).toString("base64url");
    testRuntime.places["auth.example/token"] = {
      access_token: "a",
      token_type: "Bearer",
      id_token: `e30.${payload}.x`,
    };
    const { authority, client } = await known(testRuntime, machine());
    return (await clientCredentials(authority, client, { fetch: testRuntime.fetch })).account;
  };
  assert.is(await account({}), "u1");
  assert.is(await account({ email: "ada@example.org", name: "Ada" }), "ada@example.org");
  assert.is(await account({ aud: ["x", "c-1"] }), "u1");
  assert.is(await account({ aud: "other" }), undefined);
  assert.is(await account({ iss: "https://evil.example" }), undefined);
});

test("client authentication: Basic as both kinds of server read it, in the body, by none", async () => {
  const sent = async (changes: object, config: object = {}) => {
    testRuntime.places = { ...testRuntime.places, ...places(changes) };
    testRuntime.asked.length = 0;
    const { authority, client } = await known(testRuntime, machine(config));
    await clientCredentials(authority, client, { fetch: testRuntime.fetch, scope: ["a", "offline_access"] });
    return testRuntime.post("/token");
  };
  const plain = (header: string | undefined) => Buffer.from((header ?? "").replace("Basic ", ""), "base64").toString();
  const basic = await sent({}, { clientId: "my-id_1.2", clientSecret: "s-e_c*" });
  assert.is(plain(basic.headers.authorization), "my-id_1.2:s-e_c*");
  assert.equal([basic.form.get("scope"), basic.form.has("client_secret")], ["a", false]);
  const odd = await sent({}, { clientId: "a:b", clientSecret: "p %+é" });
  assert.is(plain(odd.headers.authorization), "a%3Ab:p+%25%2B%C3%A9");
  const post = await sent({ token_endpoint_auth_methods_supported: ["client_secret_post"] });
  assert.equal([post.form.get("client_secret"), post.headers.authorization], ["cs-1", undefined]);
  assert.instance(await rejects(sent({}, { publicClient: true })), TypeError);
});

test("the device flow goes on at the pace of the server, until it is answered or over", async () => {
  const { device } = await everything();
  const replies = ["authorization_pending", "authorization_pending"].map((error) => new Reply(400, { error }));
  testRuntime.places["auth.example/token"] = () =>
    replies.shift() ?? { access_token: "at-2", token_type: "Bearer", scope: "read" };
  testRuntime.paths();
  const grant = await finishDevice(device, { fetch: testRuntime.fetch });
  assert.is(grant.accessToken, "at-2");
  assert.is(testRuntime.asked.length, 3);
  assert.is(testRuntime.asked[0]?.form.get("resource"), grant.resource);
  for (const [error, code] of [
    ["access_denied", "REFUSED"],
    ["expired_token", "EXPIRED"],
    ["invalid_grant", "REFUSED"],
  ] as const) {
    testRuntime.places["auth.example/token"] = new Reply(400, { error });
    await refused(finishDevice(device, { fetch: testRuntime.fetch }), code);
  }
  await refused(finishDevice({ ...device, expiresAt: new Date(0).toISOString() }), "EXPIRED");
  const reason = new Error("enough");
  assert.is(await rejects(finishDevice({ ...device, interval: 5 }, { signal: AbortSignal.abort(reason) })), reason);
  testRuntime.places["auth.example/device"] = {
    ...Object(testRuntime.places["auth.example/device"]),
    verification_uri: "javascript:alert(1)",
  };
  const { authority, client } = await known(testRuntime, machine());
  await refused(beginDevice(authority, client, { fetch: testRuntime.fetch }), "FORBIDDEN_URL");
});

test("signing out ends the refresh token, and says when the server cannot", async () => {
  const { grant } = await everything();
  testRuntime.places["auth.example/revoke"] = new Reply(200, "");
  assert.is(await revoke(grant, { fetch: testRuntime.fetch }), true);
  const { form } = testRuntime.post("/revoke");
  assert.equal([form.get("token"), form.get("token_type_hint")], ["rt-1", "refresh_token"]);
  testRuntime.places["auth.example/revoke"] = new Reply(400, { error: "unsupported_token_type" });
  await refused(revoke(grant, { fetch: testRuntime.fetch }), "REFUSED");
  const { revocation_endpoint: _, ...server } = grant.server;
  assert.is(await revoke({ ...grant, server }, { fetch: testRuntime.fetch }), false);
});
