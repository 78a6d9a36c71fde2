import { inspect } from "node:util";
import fc from "fast-check";
import { ValidationError } from "latchkey";
import {
  handlePendingRequest,
  isPending,
  type KindName,
  kinds,
  parsePendingRequest,
  pendingRequest,
  Secrets,
  wholeData,
} from "latchkey/pending";
import * as assert from "uvu/assert";
import { memoryPair, trapStrayRejections, turns } from "../support/pair.js";
import { rejects, suite } from "../support/suite.js";

const test = suite("Pending requests", { timeoutMs: 10_000 });
trapStrayRejections(test);

const event = {
  id: "0b9f6f2e-0000-4000-8000-000000000001",
  parentId: null,
  timestamp: "2026-01-01T00:00:00.000Z",
  ephemeral: true,
  type: "mcp.oauth_required" as const,
  data: {
    requestId: "r1",
    serverName: "notes",
    serverUrl: "https://user:SEKRET-password@notes.example/mcp?key=SEKRET-query#SEKRET-fragment",
    reason: "initial" as const,
    staticClientConfig: { clientId: "client", publicClient: false, clientSecret: "SEKRET-client", future: "SEKRET-f1" },
    wwwAuthenticateParams: {
      resourceMetadataUrl: "https://notes.example/.well-known/x?t=SEKRET-metadata",
      scope: "a b",
      error: "invalid_token",
      future: "SEKRET-f2",
    },
    resourceMetadata: '{"resource":"https://notes.example/mcp"}',
    httpResponse: {
      statusCode: 401,
      headers: [{ name: "www-authenticate", value: 'Bearer nonce="SEKRET-nonce"' }],
      body: "SEKRET-body",
    },
    futureField: { nested: ["SEKRET-f3"] },
  },
};
const context = { sessionId: "s1", endpoint: "tcp://127.0.0.1:1", principal: "ada" };

test("an OAuth event written down: what may be seen in data, the rest under secrets, together the whole", () => {
  const before = Date.now();
  const request = pendingRequest(event, context);
  assert.is(request.v, 1);
  assert.is(request.kind, "mcp.oauth_required");
  assert.is(request.sessionId, "s1");
  assert.is(request.requestId, "r1");
  assert.is(request.endpoint, "tcp://127.0.0.1:1");
  assert.is(request.principal, "ada");
  assert.is(new Date(request.receivedAt).toISOString(), request.receivedAt);
  assert.ok(Date.parse(request.receivedAt) >= before);
  assert.equal(request.data, {
    requestId: "r1",
    serverName: "notes",
    serverUrl: "https://notes.example/mcp",
    reason: "initial",
    staticClientConfig: { clientId: "client", publicClient: false },
    wwwAuthenticateParams: {
      resourceMetadataUrl: "https://notes.example/.well-known/x",
      scope: "a b",
      error: "invalid_token",
    },
    resourceMetadata: event.data.resourceMetadata,
  });
  assert.equal(request.secrets.reveal(), {
    serverUrl: event.data.serverUrl,
    staticClientConfig: { clientSecret: "SEKRET-client", future: "SEKRET-f1" },
    wwwAuthenticateParams: {
      resourceMetadataUrl: event.data.wwwAuthenticateParams.resourceMetadataUrl,
      future: "SEKRET-f2",
    },
    httpResponse: event.data.httpResponse,
    futureField: event.data.futureField,
  });
  assert.equal(wholeData(request), event.data);
  const bare = pendingRequest(event, { sessionId: "s" });
  assert.not.ok("endpoint" in bare || "principal" in bare);
});

test("every way to print it shows nothing secret", () => {
  const request = pendingRequest(event, context);
  const printed = [
    JSON.stringify(request),
    JSON.stringify({ deep: [request.secrets] }),
    inspect(request, { depth: 20, showHidden: true }),
    inspect(request, { depth: 20, customInspect: false, showHidden: true }),
    inspect(request.secrets, { depth: 20, getters: true }),
    String(request.secrets),
    `${request.secrets}`,
    `x${request.secrets}`,
    Object.entries(request.secrets).join(),
    JSON.stringify(structuredClone({ ...request.secrets })),
    JSON.stringify({ ...request }),
    new Error("failed", { cause: request }).toString(),
    inspect(new Error("failed", { cause: request }), { depth: 20 }),
  ];
  for (const text of printed) assert.not.match(text, "SEKRET");
  assert.match(printed[0] ?? "", '"secrets":"[redacted]"');
  assert.is(String(request.secrets), "[redacted]");
});

test("console.log, in a process of its own kind, shows nothing secret", () => {
  const lines: string[] = [];
  const { write } = process.stdout;
  process.stdout.write = (text: string | Uint8Array): boolean => {
    lines.push(String(text));
    return true;
  };
  try {
    console.log(pendingRequest(event, context), pendingRequest(event, context).secrets);
    console.log("%s %o %O %j", ...Array.from({ length: 4 }, () => pendingRequest(event, context).secrets));
  } finally {
    process.stdout.write = write;
  }
  assert.ok(lines.length > 0);
  assert.not.match(lines.join(""), "SEKRET");
  assert.match(lines.join(""), "redacted");
});

test("to JSON text and back, without the secrets and with those that were revealed", () => {
  const request = pendingRequest(event, context);
  const text = JSON.stringify(request);
  const secrets: object = JSON.parse(JSON.stringify(request.secrets.reveal()));
  for (const json of [text, JSON.parse(text)]) {
    const without = parsePendingRequest(json);
    assert.equal(without.data, request.data);
    assert.equal(without.secrets.reveal(), {});
    assert.is(JSON.stringify(without), text);
    const whole = parsePendingRequest(json, { secrets });
    assert.equal({ ...whole, secrets: whole.secrets.reveal() }, { ...request, secrets: request.secrets.reveal() });
    assert.equal(wholeData(whole), event.data);
  }
  const read = parsePendingRequest(text);
  if (read.kind === "mcp.oauth_required") assert.is(read.data.serverName, "notes");
});

test("what is no stored request: ValidationError, and no value in it", async () => {
  const good: Record<string, unknown> = JSON.parse(JSON.stringify(pendingRequest(event, context)));
  const bad: unknown[] = [
    "",
    "SEKRET",
    "null",
    null,
    5,
    [],
    {},
    { ...good, v: 2 },
    { ...good, kind: "SEKRET" },
    { ...good, kind: "session.idle" },
    { ...good, kind: "__proto__" },
    { ...good, sessionId: 5 },
    { ...good, requestId: undefined },
    { ...good, receivedAt: "SEKRET" },
    { ...good, data: "SEKRET" },
    { ...good, data: {} },
    { ...good, data: { requestId: "r", serverName: { a: "SEKRET" }, serverUrl: "https://x", reason: "initial" } },
    { ...good, principal: ["SEKRET"] },
    { ...good, principal: "" },
    { ...good, principal: " \t\n" },
    { ...good, principal: null },
  ];
  for (const json of bad) {
    const error = await rejects(() => parsePendingRequest(json), { type: ValidationError, code: "INVALID" });
    assert.ok(error.issues.length > 0);
    assert.not.match(inspect(error, { depth: 20 }), "SEKRET");
  }
  await rejects(() => parsePendingRequest(good, { secrets: { httpResponse: "SEKRET" } }), { type: ValidationError });
});

test("a principal that is none is a mistake of who calls: TypeError", async () => {
  for (const principal of ["", " \t\n", 5, null, ["ada"]])
    await rejects(() => Reflect.apply(pendingRequest, undefined, [event, { ...context, principal }]), {
      type: TypeError,
    });
});

test("events that ask nothing, and events that lack what their kind needs", async () => {
  assert.ok(isPending(event));
  assert.not.ok(isPending({ type: "session.idle", data: {} }));
  assert.not.ok(isPending({ type: "toString", data: {} }));
  await rejects(() => pendingRequest({ type: "session.idle", data: {} }, context), { type: TypeError });
  await rejects(() => pendingRequest({ type: "constructor", data: {} }, context), { type: TypeError });
  await rejects(() => Reflect.apply(pendingRequest, undefined, [event]), { type: TypeError });
  await rejects(() => Reflect.apply(pendingRequest, undefined, [event, { sessionId: 5 }]), { type: TypeError });
  for (const data of [
    null,
    5,
    [],
    "SEKRET",
    {},
    { ...event.data, serverName: { SEKRET: 1 } },
    { ...event.data, httpResponse: "SEKRET" },
  ]) {
    const error = await rejects(() => pendingRequest({ ...event, data }, context), { type: ValidationError });
    assert.not.match(error.message, "SEKRET");
    assert.not.match(JSON.stringify(error.issues), "SEKRET");
  }
});

test("a URL's user info, query and fragment are never in data, and what is no web address is not there at all", () => {
  for (const [url, shown] of [
    ["https://x.example/mcp", "https://x.example/mcp"],
    ["https://x.example", "https://x.example/"],
    ["http://u:SEKRET@x.example:8080/a/b?SEKRET", "http://x.example:8080/a/b"],
    ["https://SEKRET@x.example/#SEKRET", "https://x.example/"],
    ["SEKRET", ""],
    ["", ""],
    ["opaque:SEKRET", ""],
    ["data:text/plain,SEKRET", ""],
    ["//x.example/?SEKRET", ""],
    ["https://[SEKRET", ""],
  ] as const) {
    const data = { requestId: "r", serverName: "n", serverUrl: url, reason: "initial" };
    const request = pendingRequest({ type: "mcp.oauth_required", data }, context);
    assert.is(request.data.serverUrl, shown);
    assert.not.match(JSON.stringify(request), "SEKRET");
    assert.equal(wholeData(request), data);
  }
});

test("whatever a newer runtime adds to an event, nothing of it is shown and nothing is lost", () => {
  const names = fc.oneof(
    fc.string(),
    fc.constantFrom(
      "serverUrl",
      "reason",
      "staticClientConfig",
      "httpResponse",
      "constructor",
      "__proto__",
      "prototype",
      "toString",
    ),
  );
  const json = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constant(null),
      fc.boolean(),
      fc.integer(),
      fc.string(),
      fc.array(tie("value"), { maxLength: 3 }),
      fc.array(fc.tuple(names, tie("value")), { maxLength: 4 }).map(Object.fromEntries),
    ),
  })).value;
  const known = new Set(Object.keys(event.data));
  fc.assert(
    fc.property(fc.array(fc.tuple(names, json), { maxLength: 6 }), json, (extra, inner) => {
      const more = extra.filter(([name]) => !known.has(name));
      const data = JSON.parse(
        JSON.stringify(
          Object.fromEntries([
            ...Object.entries(event.data),
            ...more,
            ["staticClientConfig", { clientId: "client", extra: inner }],
          ]),
        ),
      );
      const request = pendingRequest({ type: "mcp.oauth_required", data }, context);
      assert.is(JSON.stringify(sorted(wholeData(request))), JSON.stringify(sorted(data)));
      for (const [name] of more) assert.not.ok(Object.hasOwn(request.data, name));
      const again = parsePendingRequest(JSON.stringify(request), {
        secrets: JSON.parse(JSON.stringify(request.secrets.reveal())),
      });
      assert.is(JSON.stringify(sorted(wholeData(again))), JSON.stringify(sorted(data)));
    }),
    { numRuns: 300 },
  );
});

/** The same with its names in order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([name, item]): [string, unknown] => [name, sorted(item)]);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : Number(a > b))));
}

test("an answer goes to its session with its request id, and accepted is what the runtime says", async () => {
  const { rpc, peer } = await memoryPair();
  for (const success of [true, false]) {
    const answer = { kind: "token" as const, accessToken: "t", tokenType: "Bearer", expiresIn: 60 };
    const handled = handlePendingRequest(rpc, pendingRequest(event, context), answer);
    const sent = await peer.next("session.mcp.oauth.handlePendingRequest");
    assert.equal(sent.params, { sessionId: "s1", requestId: "r1", result: answer });
    peer.answer(sent, { success });
    assert.equal(await handled, { accepted: success });
  }
  const abort = new AbortController();
  const given = handlePendingRequest(
    rpc,
    parsePendingRequest(JSON.stringify(pendingRequest(event, context))),
    { kind: "cancelled" },
    { signal: abort.signal },
  );
  const failed = rejects(given, { message: /enough/ });
  await peer.next("session.mcp.oauth.handlePendingRequest");
  abort.abort(new Error("enough"));
  await failed;
  await rpc.close();
});

const far = 9223372036854000;
/** What token endpoints and scripts write, and what of it goes to the runtime. */
const understood: readonly [object, object][] = [
  [{ expiresIn: "3600" }, { expiresIn: 3600 }],
  [{ expiresIn: 3599.98 }, { expiresIn: 3599 }],
  [{ expiresIn: "3599.98" }, { expiresIn: 3599 }],
  [{ expiresIn: 0 }, {}],
  [{ expiresIn: "0" }, {}],
  [{ expiresIn: 0.4 }, {}],
  [{ expiresIn: null }, {}],
  [{ expiresIn: far }, {}],
  [{ expiresIn: `${far}000000` }, {}],
  [{ expiresIn: Number.POSITIVE_INFINITY }, {}],
  [{ tokenType: "bearer" }, { tokenType: "Bearer" }],
  [{ tokenType: "BEARER" }, { tokenType: "Bearer" }],
  [{ tokenType: null }, {}],
  [{ tokenType: "DPoP" }, { tokenType: "DPoP" }],
];

test("an answer whose meaning is plain goes out in the form that the runtime reads", async () => {
  const { rpc, peer } = await memoryPair();
  const sent = async (kind: KindName, method: string, answer: object) => {
    const request = { kind, sessionId: "s1", requestId: "r1" };
    const handled: Promise<unknown> = Reflect.apply(handlePendingRequest, undefined, [rpc, request, answer]);
    const call = await peer.next(method);
    peer.answer(call, { success: true });
    await handled;
    return call.params;
  };
  const token = { kind: "token", accessToken: "1|a.b-c_d~e+f/g==" };
  for (const [given, result] of understood)
    assert.equal(
      await sent("mcp.oauth_required", "session.mcp.oauth.handlePendingRequest", { ...token, ...given }),
      { sessionId: "s1", requestId: "r1", result: { ...token, ...result } },
      JSON.stringify(given),
    );
  const headers = { "X-Key": " a b\t", Authorization: "Bearer x", "X-Empty": "" };
  const wanted = { kind: "headers", headers: { ...headers, "X-Key": "a b" } };
  for (const [ttlMs, goesOut] of [
    ["1500.7", { ttlMs: 1500 }],
    [0, {}],
    [null, {}],
    [far, {}],
  ] as const)
    assert.equal(
      await sent("mcp.headers_refresh_required", "session.mcp.headers.handlePendingHeadersRefreshRequest", {
        kind: "headers",
        headers,
        ttlMs,
      }),
      { sessionId: "s1", requestId: "r1", result: { ...wanted, ...goesOut } },
    );
  await rpc.close();
});

const rubbish: Record<string, readonly unknown[]> = {
  "mcp.oauth_required": [
    {},
    { kind: "SEKRET" },
    { kind: "token" },
    { kind: "token", accessToken: "" },
    { kind: "token", accessToken: 5 },
    { kind: "token", accessToken: "SEKRET", expiresIn: -1 },
    { kind: "token", accessToken: "SEKRET", expiresIn: Number.NaN },
    { kind: "token", accessToken: "SEKRET", expiresIn: "SEKRET" },
    { kind: "token", accessToken: "SEKRET", expiresIn: "1h" },
    { kind: "token", accessToken: "SEKRET", expiresIn: "" },
    { kind: "token", accessToken: "SEKRET", expiresIn: true },
    { kind: "token", accessToken: "SEKRET", expiresIn: {} },
    { kind: "token", accessToken: "SEKRET", tokenType: 5 },
    { kind: "token", accessToken: "SEKRET", tokenType: "" },
    { kind: "token", accessToken: "SEKRET", tokenType: "Bearer\r\nX: SEKRET" },
    { kind: "token", accessToken: "SEKRET", tokenType: "Bearer SEKRET" },
    { kind: "token", accessToken: "SEKRET\n" },
    { kind: "token", accessToken: "SEKRET\r\nX-Other: 1" },
    { kind: "token", accessToken: " SEKRET" },
    { kind: "token", accessToken: "   " },
    { kind: "token", accessToken: "Bearer SEKRET" },
    { kind: "token", accessToken: "SEKRET\0" },
    { kind: "token", accessToken: "SEKRET\u200b" },
    { kind: "token", accessToken: "SÉKRET" },
    { kind: "token", accessToken: "SEKRET", refreshToken: "SEKRET" },
    { kind: "cancelled", accessToken: "SEKRET" },
  ],
  "mcp.headers_refresh_required": [
    {},
    { kind: "headers" },
    { kind: "headers", headers: { a: 5 } },
    { kind: "headers", headers: { "X-Key": "SEKRET\n" } },
    { kind: "headers", headers: { "X-Key": "SEKRET\r\nX-Other: 1" } },
    { kind: "headers", headers: { "X-Key": "SÉKRET" } },
    { kind: "headers", headers: { "bad name": "SEKRET" } },
    { kind: "headers", headers: { "bad\nname": "SEKRET" } },
    { kind: "headers", headers: { "": "SEKRET" } },
    { kind: "headers", headers: { "X-Key": "SEKRET", "x-key": "SEKRET" } },
    { kind: "headers", headers: {}, ttlMs: -1 },
    { kind: "error" },
  ],
  "permission.requested": [
    {},
    { kind: "no-result" },
    { kind: "approve-permanently" },
    { kind: "approve-for-location" },
  ],
  "external_tool.requested": [{}, { result: 5 }, { error: 5 }, { result: "x", error: "y" }],
  "elicitation.requested": [{}, { action: "maybe" }, { action: "accept", content: "SEKRET" }],
  "user_input.requested": [{}, { answer: 5, wasFreeform: true }, { answer: "SEKRET" }],
  "exit_plan_mode.requested": [{}, { approved: "x" }, { approved: true, selectedAction: "SEKRET" }],
  "sampling.requested": [{ response: "SEKRET" }, { response: {} }, { respond: 1 }],
  "auto_mode_switch.requested": [{}, "maybe", true],
  "session_limits_exhausted.requested": [
    {},
    { action: "more" },
    { action: "set", maxAiCredits: "5" },
    { action: "set", maxAiCredits: Infinity },
  ],
  "command.execute": [{ error: 5 }, { result: "SEKRET" }],
  "command.queued": [{}, { handled: "yes" }, { handled: false, stopProcessingQueue: true }],
};

for (const kind of Object.keys(kinds))
  test(`${kind}: a malformed answer is a ValidationError without the answer in it, and nothing is sent`, async () => {
    const { rpc, peer } = await memoryPair();
    const listed = rubbish[kind];
    assert.ok(listed && listed.length >= 2, "the kind has rubbish of its own");
    for (const answer of [null, undefined, 5, [], "SEKRET", ...listed]) {
      const handled = () =>
        Reflect.apply(handlePendingRequest, undefined, [rpc, { kind, sessionId: "s", requestId: "r" }, answer]);
      const error = await rejects(handled, { type: ValidationError, code: "INVALID" }).catch((cause) => {
        throw new Error(inspect(answer), { cause });
      });
      assert.not.match(inspect(error, { depth: 20 }).replace(/\n\s+at .*/g, ""), "SEKRET");
    }
    await turns(2);
    assert.is(peer.received.length, 1);
    await rpc.close();
  });

test("a kind that is none: TypeError, and nothing is sent", async () => {
  const { rpc, peer } = await memoryPair();
  for (const kind of ["session.idle", "__proto__", "constructor", undefined])
    await rejects(
      () => Reflect.apply(handlePendingRequest, undefined, [rpc, { kind, sessionId: "s", requestId: "r" }, {}]),
      { type: TypeError },
    );
  await turns(2);
  assert.is(peer.received.length, 1);
  await rpc.close();
});

test("Secrets by itself", () => {
  const secrets = new Secrets({ a: "SEKRET" });
  assert.equal(secrets.reveal(), { a: "SEKRET" });
  assert.is(JSON.stringify([secrets]), '["[redacted]"]');
  assert.equal(Object.keys(secrets), []);
});
