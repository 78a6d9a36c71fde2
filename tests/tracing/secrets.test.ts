/** No secret is in a message of any channel: planted wherever one can be, in requests of all kinds, in answers, and in what peers say. */
import { inspect } from "node:util";
import { registerInterest } from "latchkey/events";
import { deliverAnswers, recordPending } from "latchkey/keeper";
import { openLedger } from "latchkey/ledger";
import {
  assertion,
  beginCode,
  beginDevice,
  chooseClient,
  clientCredentials,
  discover,
  exchange,
  finishCode,
  finishDevice,
  refresh,
  revoke,
} from "latchkey/oauth";
import { type AnswerOf, isKind, type KindName, kinds } from "latchkey/pending";
import { connect } from "latchkey/rpc";
import { type AskedData, fakeRuntime } from "latchkey/testing";
import * as assert from "uvu/assert";
import { demand, known, places, Reply, TestRuntime } from "../support/oauth/servers.js";
import { memoryPair, trapStrayRejections } from "../support/pair.js";
import { suite, within } from "../support/suite.js";
import { ended, type Heard, listenTo } from "../support/tracing/heard.js";

const test = suite("secrets and traces", { timeoutMs: 60_000 });
trapStrayRejections(test);

const mark = "SEKRET";
const url = "https://SEKRET-user:SEKRET-password@notes.example/mcp?key=SEKRET-query#SEKRET";

function noneIn(heard: readonly Heard[]): void {
  for (const { name, event, message, at } of heard)
    for (const value of [message, at]) {
      const text = inspect(value, { depth: null, showHidden: true }) + JSON.stringify(value);
      assert.not.ok(text.includes(mark), `${name} ${event}: ${text}`);
    }
}

/** Each kind, asked with secrets in it and answered with one. */
const asked: { readonly [K in KindName]: { readonly data: AskedData<K>; readonly answer: AnswerOf<K> } } = {
  "mcp.oauth_required": {
    data: {
      serverUrl: url,
      staticClientConfig: { clientId: "c", clientSecret: mark },
      httpResponse: { statusCode: 401, headers: [{ name: "WWW-Authenticate", value: mark }], body: mark },
    },
    answer: { kind: "token", accessToken: mark },
  },
  "mcp.headers_refresh_required": {
    data: { serverUrl: url },
    answer: { kind: "headers", headers: { "x-key": mark } },
  },
  "permission.requested": {
    data: { permissionRequest: { kind: "shell", fullCommandText: `curl --token ${mark}`, intention: mark } },
    answer: { kind: "reject", feedback: mark },
  },
  "external_tool.requested": { data: { toolName: "ticket", arguments: { key: mark } }, answer: { result: mark } },
  "elicitation.requested": { data: { message: mark }, answer: { action: "accept", content: { password: mark } } },
  "user_input.requested": { data: { question: mark }, answer: { answer: mark, wasFreeform: true } },
  "exit_plan_mode.requested": { data: { summary: mark }, answer: { approved: false, feedback: mark } },
  "sampling.requested": {
    data: {},
    answer: { response: { role: "assistant", content: { type: "text", text: mark }, model: "none" } },
  },
  "command.execute": { data: { args: mark }, answer: { error: mark } },
  "command.queued": { data: { command: `/login ${mark}` }, answer: { handled: true } },
  "auto_mode_switch.requested": { data: {}, answer: "yes" },
  "session_limits_exhausted.requested": { data: {}, answer: { action: "cancel" } },
};

const allowing = {
  ...{ requestPermission: true, requestElicitation: true, requestAutoModeSwitch: true, sessionLimits: {} },
  tools: [
    {
      name: "ticket",
      description: "Makes a ticket.",
      parameters: { type: "object", properties: {} },
      skipPermission: true,
    },
  ],
  commands: [{ name: "login", description: "Signs in." }],
  mcpServers: { notes: { type: "http" as const, url, tools: ["*"], headersRefreshTtlMs: 60_000 } },
};

test("requests of all kinds, from the event to the reply", async () => {
  using all = listenTo();
  await using fake = await fakeRuntime();
  await using rpc = await connect(fake.endpoint, { token: fake.token });
  await using ledger = await openLedger(":memory:");
  await using recorder = recordPending(rpc, ledger, { principal: "ada" });
  await using deliverer = deliverAnswers(rpc, ledger);
  const names = Object.keys(kinds).filter(isKind);
  let kind: KindName;
  // What a call asks before it asks what it is for.
  recorder.events.on("recorded", (entry) =>
    entry.kind !== kind && entry.kind === "permission.requested"
      ? ledger.answer(entry.id, { kind: "approve-once" })
      : undefined,
  );
  for (kind of names) {
    const { sessionId } = await rpc.request("session.create", allowing);
    await registerInterest(rpc.session(sessionId), kind);
    const recorded = recorder.events.wait("recorded", { where: (entry) => entry.kind === kind });
    fake.raise(sessionId, kind, asked[kind].data);
    const { id } = await within(5000, recorded, kind);
    const claim = await ledger.claim({ id }, { owner: "broker" });
    assert.ok(claim, kind);
    await claim.stash({ verifier: mark });
    const settled = deliverer.events.wait("settled", { where: (entry) => entry.id === id });
    await claim.answer(asked[kind].answer);
    await within(5000, settled, `the answer to ${kind}`);
  }
  for (const name of ["record", "deliver"] as const)
    assert.equal([...new Set(ended(all, name).map(({ kind }) => kind))], names, name);
  noneIn(all.heard);
});

test("what the runtime and the caller say", async () => {
  const { rpc, peer } = await memoryPair({ token: mark });
  using all = listenTo();
  const asking = rpc.request("session.send", { sessionId: "s", prompt: mark }).catch(() => undefined);
  peer.refuse(await peer.next("session.send"), { code: -32603, message: `not ${mark}`, data: mark });
  await asking;
  const odd = Object.assign(new Error(mark), { name: `Odd ${mark}!`, code: `no ${mark}` });
  await rpc.request("ping", {}, { signal: AbortSignal.abort(odd) }).catch(() => undefined);
  await rpc.close();
  assert.equal(
    ended(all, "request").map(({ error }) => error?.name),
    ["RpcError", "Error"],
  );
  noneIn(all.heard);
});

test("every function of latchkey/oauth, when it is answered and when it is refused", async () => {
  await using servers = await TestRuntime.open(places());
  const { fetch } = servers;
  const request = demand({ staticClientConfig: { clientId: "c-1", clientSecret: mark } });
  const { authority, client } = await known(servers, request);
  servers.places["auth.example/device"] = {
    ...{ device_code: mark, user_code: mark, verification_uri: "https://auth.example/d" },
    ...{ expires_in: 60, interval: 0 },
  };
  servers.places["auth.example/revoke"] = {};
  const provider = {
    ...{ issuer: "https://auth.example", tokenEndpoint: "https://auth.example/token" },
    ...{ clientId: "c", clientSecret: mark },
  };
  using all = listenTo();
  const walk = async (): Promise<void> => {
    const options = { fetch, scope: ["read"] };
    const flow = await beginCode(authority, client, { redirectUri: "http://127.0.0.1/cb", ...options });
    const device = await beginDevice(authority, client, options).catch(() => undefined);
    const tries = [
      () => discover(request, { fetch }),
      () => chooseClient(request, authority, { fetch }),
      () => finishCode(flow, `?code=${mark}&state=${flow.state}`, { fetch }),
      () => device && finishDevice(device, { fetch }),
      () => clientCredentials(authority, client, options),
      () => exchange(authority, provider, { subjectToken: mark, ...options }),
      () => assertion(authority, client, { assertion: mark, ...options }),
      () => refresh(kept, { fetch }),
      () => refresh({ ...kept, issuer: url, resource: url }, { fetch }),
      () => revoke(kept, { fetch }),
    ];
    for (const each of tries) await Promise.resolve(each()).catch(() => undefined);
  };
  servers.places["auth.example/token"] = {
    ...{ access_token: mark, token_type: "Bearer", refresh_token: mark, expires_in: 60 },
  };
  const kept = await clientCredentials(authority, client, { fetch });
  await walk();
  const refusal = new Reply(400, { error: mark, error_description: mark });
  for (const at of ["token", "device", "revoke"]) servers.places[`auth.example/${at}`] = refusal;
  await walk();
  const steps = new Set(ended(all, "oauth").map(({ step }) => step));
  assert.is(steps.size, 11, [...steps].join());
  noneIn(all.heard);
});
