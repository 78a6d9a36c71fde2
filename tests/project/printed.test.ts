/** Every object that latchkey hands out, printed, stringified and cloned, with secrets planted wherever one can be. */
import { inspect } from "node:util";
import { registerInterest } from "latchkey/events";
import { deliverAnswers, keep, keepSessions, recordPending } from "latchkey/keeper";
import { type Ledger, openLedger } from "latchkey/ledger";
import {
  beginCode,
  beginDevice,
  clientCredentials,
  finishCode,
  finishDevice,
  parseAuthority,
  parseClient,
  parseFlow,
  parseGrant,
  refresh,
  toAnswer,
} from "latchkey/oauth";
import { handlePendingRequest, hold, pendingRequest } from "latchkey/pending";
import { connect, RpcError, startRuntime } from "latchkey/rpc";
import * as assert from "uvu/assert";
import { demand, known, places, TestRuntime } from "../support/oauth/servers.js";
import { memoryPair, memoryPeer, type Peer, trapStrayRejections } from "../support/pair.js";
import { rejects, suite } from "../support/suite.js";

const test = suite("What latchkey hands out");
trapStrayRejections(test);

const mark = "SEKRET";
const key = Buffer.from("SEKRET-key-of-thirty-two-bytes!!").toString("base64");
const token = { kind: "token", accessToken: "SEKRET-access-token" } as const;

function noneIn(what: string, value: unknown): void {
  const shown = [
    inspect(value, { depth: null, showHidden: true }),
    inspect(value, { depth: null, showHidden: true, getters: false, customInspect: false }),
    stringified(value),
    inspect(cloned(value), { depth: null, showHidden: true }),
    String(value),
    ...(value instanceof Error ? [value.stack ?? "", value.message] : []),
  ];
  for (const text of shown) {
    assert.is(
      text.includes(mark),
      false,
      `${what}: ${text.slice(Math.max(0, text.indexOf(mark) - 200), text.indexOf(mark) + 60)}`,
    );
    assert.is(text.includes(key), false, `${what} shows the key`);
  }
}

/** Some of them hold a connection, which is no JSON: what can be written of them is looked at, field by field. */
function stringified(value: unknown): string {
  const seen = new Set<unknown>();
  return (
    JSON.stringify(value, (_, inner: unknown) => {
      if (typeof inner !== "object" || inner === null) return inner;
      if (seen.has(inner)) return undefined;
      seen.add(inner);
      return inner;
    }) ?? ""
  );
}

/** A function cannot be cloned; the fields beside it can. */
function cloned(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return Object.entries(value).map(([name, inner]) => {
    try {
      return [name, structuredClone(inner)];
    } catch {
      return [name];
    }
  });
}

const request = () =>
  pendingRequest(
    {
      type: "mcp.oauth_required",
      data: {
        requestId: "r1",
        serverName: "notes",
        serverUrl: "https://SEKRET-user:SEKRET-password@notes.example/mcp?key=SEKRET-query",
        reason: "initial",
        staticClientConfig: { clientId: "c", clientSecret: "SEKRET-client" },
        resourceMetadata: '{"resource":"https://notes.example/mcp?key=SEKRET-query"}',
        httpResponse: { statusCode: 401, headers: [{ name: "WWW-Authenticate", value: "SEKRET" }], body: "SEKRET" },
      },
    } as const,
    { sessionId: "s1", principal: "ada" },
  );

test("requests, entries, claims, deliveries, seeds, receipts and the ledger itself", async () => {
  const ledger: Ledger = await openLedger(":memory:", { key });
  const moves = ledger.watch();
  const asked = request();
  const entry = await ledger.record(asked);
  const claim = await ledger.claim({}, { owner: "broker" });
  assert.ok(claim);
  await claim.stash({ verifier: "SEKRET-verifier" }, { tag: "SEKRET-state" });
  const held = await claim.grant();
  await held.keep({ accessToken: "SEKRET-access", refreshToken: "SEKRET-refresh", scope: ["a"] });
  assert.equal(held.grant, { accessToken: "SEKRET-access", refreshToken: "SEKRET-refresh", scope: ["a"] });
  const grants = await ledger.grants();
  const grantReceipts = await ledger.grantReceipts(held.id);
  const whole = await claim.request();
  assert.is(whole.secrets.reveal().staticClientConfig !== undefined, true);
  const answered = await claim.answer(token);
  const delivery = await ledger.deliver(entry.id, { owner: "deliverer" });
  assert.equal(delivery?.answer, token);
  const settled = await delivery?.settle({ accepted: true, reason: "said: Bearer SEKRET-access-token" });
  const [seed] = await ledger.seeds("s1", { principal: "ada" });
  assert.equal(seed?.answer, token);
  const receipts = await ledger.receipts(entry.id);
  const move = (await moves.next()).value;
  const page = await ledger.list();
  const objects = {
    asked,
    entry,
    claim,
    whole,
    answered,
    delivery,
    settled,
    seed,
    receipts,
    held,
    grants,
    grantReceipts,
    move,
    page,
    ledger,
    moves,
  };
  for (const [what, value] of Object.entries(objects)) noneIn(what, value);
  noneIn("a spread delivery", { ...delivery });
  noneIn("a spread grant", { ...held });
  noneIn("a spread seed", { ...seed });
  await moves.return?.();
  await ledger.close();
});

test("a hold, and what keep() gives", async () => {
  const { rpc, peer } = await memoryPair({ token: "SEKRET-connection" });
  const ledger = await openLedger(":memory:", { key });
  const holding = hold(rpc, "s1", { evenIfBusy: true });
  const log = async (method: string): Promise<never> => {
    for (;;) peer.answer(await peer.next(method), { events: [], cursor: "epoch|0", hasMore: false });
  };
  for (const method of ["session.eventLog.read", "session.eventLog.tail"]) log(method).catch(() => undefined);
  peer.answer(await peer.next("session.resume"), { sessionId: "s1" });
  const keeping = keep(rpc, ledger, { principal: "ada" });
  for (const [what, value] of Object.entries({ held: await holding, keeping, events: keeping.events }))
    noneIn(what, value);
  await rpc.close();
  await keeping.close();
  await ledger.close();
});

/** What is written down for another process is whole as JSON. Printed it shows nothing, as such and inside of other things. */
test("authorities, clients, flows and grants of OAuth, when they are printed", async () => {
  await using testRuntime = await TestRuntime.open(places());
  testRuntime.places["auth.example/token"] = {
    ...{ access_token: "SEKRET-access", token_type: "Bearer", refresh_token: "SEKRET-refresh", expires_in: 60 },
  };
  testRuntime.places["auth.example/device"] = {
    ...{ device_code: "SEKRET-device", user_code: "SEKRET-user", verification_uri: "https://auth.example/d" },
    ...{ verification_uri_complete: "https://auth.example/d?code=SEKRET-user", expires_in: 60, interval: 0 },
  };
  const machine = demand({ staticClientConfig: { clientId: "c-1", clientSecret: "SEKRET-client" } });
  const { authority, client } = await known(testRuntime, machine);
  const options = { fetch: testRuntime.fetch, scope: ["read"] };
  const redirectUri = "http://127.0.0.1/cb";
  const code = await beginCode(authority, client, { redirectUri, ...options });
  const device = await beginDevice(authority, client, options);
  const grant = await finishCode(code, `?code=SEKRET-code&state=${code.state}`, options);
  const again = [refresh(grant, options), clientCredentials(authority, client, options), finishDevice(device, options)];
  const objects = { authority, client, code, device, grant, again: await Promise.all(again), answer: toAnswer(grant) };
  assert.match(JSON.stringify(objects), "SEKRET-refresh");
  const { answer, ...redacted } = objects;
  assert.is(answer.accessToken, "SEKRET-access", "an answer is what is to be sent");
  const secrets = [mark, code.verifier, code.state];
  for (const [what, value] of Object.entries(redacted))
    for (const shown of [
      value,
      { in: [value] },
      new Error("x", { cause: value }),
      JSON.parse(JSON.stringify(redacted))[what],
    ]) {
      const back = shown === value || "in" in shown || shown instanceof Error ? shown : parsedOf[what]?.(shown);
      for (const text of [
        inspect(back, { depth: null }),
        inspect(back, { depth: null, showHidden: true }),
        String(back),
      ])
        for (const secret of secrets) assert.is(text.includes(secret), false, `${what}: ${text}`);
    }
});

/** What comes back from its JSON is redacted as before. */
const parsedOf: Readonly<Record<string, (json: unknown) => object>> = {
  ...{ authority: parseAuthority, client: parseClient, code: parseFlow, device: parseFlow, grant: parseGrant },
};

test("errors about options, and about a database whose URL has a password", async () => {
  const nobody = "postgres://ada:SEKRET-password@127.0.0.1:1/db";
  const { target } = memoryPeer();
  const calls: Record<string, () => unknown> = {
    "a key that is none": () => openLedger(":memory:", { key: "SEKRET-key" }),
    "keys that are none": () => openLedger(":memory:", { keys: [key, "SEKRET-key"] }),
    "a principal that is none": () =>
      Reflect.apply(openLedger, undefined, [":memory:", { key, principal: ["SEKRET"] }]),
    "a database that is away": () => openLedger(nobody, { key }),
    "a database without a key": () => openLedger(nobody),
    "a database URL that is none": () => openLedger("postgres://ada:SEKRET-password@[::1/db", { key }),
    "a database port that is none": () => openLedger("postgres://ada:SEKRET-password@127.0.0.1:SEKRET/db", { key }),
    "a database with an unknown option": () =>
      openLedger("postgres://ada:SEKRET-password@127.0.0.1:1/db?sslmode=SEKRET-mode", { key }),
    "a token that is none": () =>
      Reflect.apply(connect, undefined, [target, { token: { SEKRET: "SEKRET" }, timeoutMs: "SEKRET" }]),
    "a runtime that is none": () =>
      startRuntime({ path: "/nowhere/runtime", token: "SEKRET-connection", env: { ANY: "SEKRET-env" } }),
  };
  for (const [what, call] of Object.entries(calls)) noneIn(what, await rejects(async () => await call()));
});

/** Answers the next call of a method with an error that quotes all that it was sent. */
async function quote(peer: Peer, method: string): Promise<void> {
  const call = await peer.next(method);
  const said = JSON.stringify(call.params);
  peer.refuse(call, { code: -32603, message: `Request failed with ${said}`, data: { params: call.params, said } });
}

test("connections, sessions, holds, interests, keepers, recorders and deliverers", async () => {
  const { rpc, peer } = await memoryPair({ token: "SEKRET-connection" });
  const ledger = await openLedger(":memory:", { key });
  const session = rpc.session("s1");
  const registering = registerInterest(session, "mcp.oauth_required");
  peer.answer(await peer.next("session.eventLog.registerInterest"), { handle: "interest-1" });
  const objects = {
    ...{ rpc, session, hello: rpc.hello, events: rpc.events, interest: await registering },
    ...{ keeper: keepSessions(rpc), recorder: recordPending(rpc, ledger), deliverer: deliverAnswers(rpc, ledger) },
  };
  for (const [what, value] of Object.entries(objects)) noneIn(what, value);
  await rpc.close();
  noneIn("why it is closed", await rpc.closed);
  await objects.recorder.close();
  await objects.deliverer.close();
  await ledger.close();
});

test("errors of a runtime that quotes what it was sent", async () => {
  const { rpc, peer } = await memoryPair();
  const calls: [string, () => Promise<unknown>][] = [
    ["session.mcp.oauth.handlePendingRequest", () => handlePendingRequest(rpc, request(), token)],
    [
      "session.mcp.headers.handlePendingHeadersRefreshRequest",
      () =>
        handlePendingRequest(
          rpc,
          { kind: "mcp.headers_refresh_required", sessionId: "s1", requestId: "r" },
          { kind: "headers", headers: { "X-Any": 'SEKRET "quoted"', Authorization: "Bearer SEKRET-header" } },
        ),
    ],
    [
      "session.resume",
      () =>
        rpc.request("session.resume", {
          sessionId: "s1",
          provider: { type: "openai", baseUrl: "http://127.0.0.1:1", apiKey: "SEKRET-api-key" },
          mcpServers: {
            notes: {
              type: "http",
              url: "http://127.0.0.1:1",
              tools: [],
              headers: { Authorization: "Bearer SEKRET-1" },
            },
            local: { type: "stdio", command: "x", args: [], tools: [], env: { ANY: "SEKRET-env" } },
          },
        }),
    ],
  ];
  for (const [method, call] of calls) {
    const failed = rejects(call(), { type: RpcError, code: "RPC" });
    await quote(peer, method);
    const error = await failed;
    assert.match(error.message, "Request failed with");
    assert.match(error.message, "[redacted]");
    noneIn(method, error);
    noneIn(`${method}: data`, error.data);
    noneIn(`${method}: cause`, error.cause);
  }
  await rpc.close();
});

test("a refused handshake, with the token quoted", async () => {
  const { target, peer } = memoryPeer();
  const failed = rejects(connect(target, { token: "SEKRET-connection" }), { code: "UNAUTHORIZED" });
  const call = await peer.next("connect");
  peer.refuse(call, { code: -32002, message: `wrong token ${call.params?.token}` });
  noneIn("the error", await failed);
});

test("what a runtime says reaches nobody raw, and not at any length", async () => {
  const nasty = "\u001b[31m\u009b\u202e\u{e0041}\0\n";
  const { target, peer } = memoryPeer();
  const connecting = connect(target);
  peer.answer(await peer.next("connect"), { protocolVersion: 3, version: `1.0.85${nasty}${"x".repeat(1000)}` });
  const rpc = await connecting;
  assert.match(rpc.hello.version, /^1\.0\.85\\u001b\[31m\\u009b\\u202e\\udb40\\udc41\\u0000\\nx+…$/);
  assert.ok(rpc.hello.version.length < 200);
  const failed = rejects(rpc.session("s1").request("abort", {}), { type: RpcError });
  peer.refuse(await peer.next("session.abort"), { code: -32603, message: nasty + "y".repeat(100_000) });
  const error = await failed;
  assert.ok(error.message.length < 3000);
  for (const text of [error.message, inspect(error)])
    for (const hidden of ["\u001b", "\u009b", "\u202e", "\0", "\u{e0041}"]) assert.is(text.includes(hidden), false);
  await rpc.close();
});

test("the answer that a runtime's error quotes is in no receipt", async () => {
  const { rpc, peer } = await memoryPair();
  const ledger = await openLedger(":memory:", { key });
  const { id } = await ledger.record(
    pendingRequest({ type: "user_input.requested", data: { requestId: "r1", question: "?" } }, { sessionId: "s1" }),
  );
  await ledger.answer(id, { answer: "SEKRET-answer", wasFreeform: true });
  const deliverer = deliverAnswers(rpc, ledger);
  const settled = deliverer.events.wait("settled");
  const read = await peer.next("session.eventLog.read");
  const event = { type: "user_input.requested", id: "e1", data: { requestId: "r1", question: "?" } };
  peer.answer(read, { events: [event], cursor: "epoch|1", hasMore: false });
  await quote(peer, "session.ui.handlePendingUserInput");
  await settled;
  noneIn("receipts", await ledger.receipts(id));
  assert.match(JSON.stringify(await ledger.receipts(id)), "the error -32603");
  await deliverer.close();
  await rpc.close();
  await ledger.close();
});

test("a runtime", async () => {
  await using runtime = await startRuntime({ token: "SEKRET-connection", home: process.env.TMPDIR });
  assert.is(runtime.token, "SEKRET-connection");
  noneIn("runtime", runtime);
  noneIn("a spread runtime", { ...runtime });
});
