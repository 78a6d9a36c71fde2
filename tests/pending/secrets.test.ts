import { inspect } from "node:util";
import { ValidationError } from "latchkey";
import {
  credentialKey,
  handlePendingRequest,
  type KindName,
  kinds,
  parsePendingRequest,
  pendingRequest,
  wholeData,
} from "latchkey/pending";
import * as assert from "uvu/assert";
import { rejects, suite } from "../support/suite.js";

const test = suite("What may be seen of a request");

const server = "https://mcp.example.test/mcp?key=SEKRET-query";
const context = { sessionId: "s1", principal: "ada" };

/** Events in which the query of a server's URL comes back, and what else a stranger puts into them. */
const planted: Partial<Record<KindName, Record<string, unknown>>> = {
  "mcp.oauth_required": {
    serverName: "notes",
    serverUrl: server,
    reason: "refresh",
    runtimeRefreshSupported: true,
    resourceMetadata: JSON.stringify({ resource: server, resource_documentation: `${server}&x=SEKRET-doc#x=SEKRET-f` }),
    wwwAuthenticateParams: { scope: "a", error: `invalid_token for ${server}`, resourceMetadataUrl: server },
    staticClientConfig: { clientId: "c", clientSecret: "SEKRET-client" },
  },
  "mcp.headers_refresh_required": { serverName: "notes", serverUrl: server, reason: "startup" },
  "permission.requested": {
    permissionRequest: {
      kind: "shell",
      toolCallId: "call-1",
      fullCommandText: `curl -H "Authorization: Bearer SEKRET-bearer-0" '${server}' && API_KEY=SEKRET-key make`,
      possibleUrls: [{ url: server }],
      url: server,
      args: { endpoint: server, apiKey: "SEKRET args", deep: [{ password: "SEKRET $p" }] },
      intention: `Call ${server}`,
    },
  },
  "external_tool.requested": { toolCallId: "call-1", toolName: "fetch", arguments: { url: server, token: "SEKRET-t" } },
  "elicitation.requested": {
    message: `Sign in at ${server}`,
    mode: "url",
    url: `https://issuer.example/authorize?state=SEKRET-state&client_id=c`,
    elicitationSource: "notes",
  },
  "user_input.requested": { question: `May I use ${server}?`, choices: [server] },
  "exit_plan_mode.requested": { summary: `Use ${server}`, planContent: server, actions: [] },
  "sampling.requested": { serverName: "notes", request: { messages: [{ content: { text: server } }] } },
  "command.execute": { commandName: "open", args: server, command: `/open ${server}` },
  "command.queued": { command: `/open ${server}` },
};

for (const [kind, fields] of Object.entries(planted))
  test(`${kind}: no secret in what may be seen, and the whole for who may have it`, () => {
    const data = { requestId: "r1", ...fields };
    const request = pendingRequest({ type: kind, data }, context);
    for (const text of [JSON.stringify(request), inspect(request, { depth: null, showHidden: true })])
      assert.is(/SEKRET/.test(text), false, text);
    assert.equal(wholeData(request), data);
    const again = parsePendingRequest(JSON.stringify(request), { secrets: request.secrets.reveal() });
    assert.equal(again, request);
    assert.equal(wholeData(again), data);
  });

test("every kind whose data is free text is among them", () => {
  const plain = ["auto_mode_switch.requested", "session_limits_exhausted.requested"];
  assert.equal(
    Object.keys(kinds)
      .filter((kind) => !plain.includes(kind))
      .sort(),
    Object.keys(planted).sort(),
  );
});

test("what says that the runtime refreshes by itself is data", () => {
  const data = { requestId: "r1", ...planted["mcp.oauth_required"] };
  const request = pendingRequest({ type: "mcp.oauth_required", data } as const, context);
  assert.is(request.data.runtimeRefreshSupported, true);
});

test("a request that an earlier latchkey stored in plain loses nothing", () => {
  const data = { requestId: "r1", ...planted["permission.requested"] };
  const stored = {
    v: 1,
    kind: "permission.requested",
    ...context,
    requestId: "r1",
    receivedAt: new Date().toISOString(),
  };
  const request = parsePendingRequest({ ...stored, data });
  assert.is(/SEKRET/.test(JSON.stringify(request)), false);
  assert.equal(wholeData(request), data);
});

test("a scope of nothing but quotation marks is no scope", () => {
  // As 1.0.85 says it for the challenge: Bearer scope="".
  const asked = (params: object) =>
    pendingRequest(
      {
        type: "mcp.oauth_required",
        data: { requestId: "r1", serverName: "notes", serverUrl: server, reason: "initial", ...params },
      } as const,
      context,
    );
  const none = asked({});
  for (const scope of ['""', "", " ", '" "', "\t"]) {
    const request = asked({ wwwAuthenticateParams: { scope } });
    assert.is(credentialKey(request), credentialKey(none), JSON.stringify(scope));
    assert.equal(wholeData(request).wwwAuthenticateParams, {});
    const stored = JSON.parse(JSON.stringify(request));
    stored.data.wwwAuthenticateParams = { scope };
    assert.equal(wholeData(parsePendingRequest(stored)).wwwAuthenticateParams, {});
  }
  const some = asked({ wwwAuthenticateParams: { scope: "a b" } });
  assert.is.not(credentialKey(some), credentialKey(none));
  assert.is(some.data.wwwAuthenticateParams?.scope, "a b");
});

test("what is nested deeper than a stack holds is refused, wherever it comes in", async () => {
  const nested = (levels: number): unknown => JSON.parse("[".repeat(levels) + "]".repeat(levels));
  const error = { type: ValidationError, message: /at most 200 levels/ };
  const event = (deep: unknown) => ({
    type: "external_tool.requested",
    data: { requestId: "r1", toolCallId: "c", toolName: "t", arguments: deep },
  });
  const fine = pendingRequest(event(nested(150)), context);
  assert.equal(parsePendingRequest(JSON.stringify(fine)), fine);
  for (const levels of [250, 10_000, 200_000]) {
    const deep = nested(levels);
    await rejects(() => pendingRequest(event(deep), context), error);
    const text = `{"v":1,"deep":${"[".repeat(levels)}${"]".repeat(levels)}}`;
    await rejects(() => parsePendingRequest(text), error);
    await rejects(() => parsePendingRequest(JSON.stringify(fine), { secrets: { arguments: deep } }), error);
    const rpc = { session: () => assert.unreachable() };
    const answer = { result: { textResultForLlm: "x", deep } };
    await rejects(() => Reflect.apply(handlePendingRequest, undefined, [rpc, fine, answer]), error);
  }
  const circle: Record<string, unknown> = {};
  circle.inner = circle;
  await rejects(() => pendingRequest(event(circle), context), error);
});
