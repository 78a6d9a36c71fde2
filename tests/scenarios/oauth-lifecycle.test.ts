import { registerInterest } from "latchkey/events";
import { handlePendingRequest, pendingRequest, wholeData } from "latchkey/pending";
import type { Rpc, Session } from "latchkey/rpc";
import * as assert from "uvu/assert";
import { rejects, suite } from "../support/suite.js";
import {
  approvePermissions,
  bundled,
  confidentialClient,
  type Demand,
  exposeErrors,
  obtainMachineToken,
  obtainToken,
  openWorld,
  publicClient,
  runTurn,
  runtimes,
  serverName,
  serverStatus,
  startTestRuntime,
  type TestRuntime,
  type Tokens,
  tokenAnswer,
  type World,
} from "../support/world.js";

type Answer = { kind: "cancelled" } | { kind: "token"; accessToken: string };
type Required = ReturnType<typeof pendingRequest<{ type: "mcp.oauth_required"; data: unknown }>>;

/** Answers every OAuth request of one session by `decide`, and keeps what was asked and what was completed. */
function broker(rpc: Rpc, session: Session, decide: (request: Required) => Promise<Answer>) {
  const asked: Required[] = [];
  const accepted: boolean[] = [];
  const completed: { requestId: string; outcome: string }[] = [];
  exposeErrors(session.events);
  session.events.on("mcp.oauth_completed", ({ data }) => completed.push(data));
  session.events.on("mcp.oauth_required", async (event) => {
    const request = pendingRequest(event, { sessionId: session.id, endpoint: rpc.endpoint });
    asked.push(request);
    accepted.push((await handlePendingRequest(rpc, request, await decide(request))).accepted);
  });
  return { asked, accepted, completed };
}

/** A token for what the request asks, by a real code flow. */
function obtain(request: Required): Promise<Tokens> {
  return obtainToken(wholeData(request) satisfies Demand);
}

async function openSession(rpc: Rpc, world: World): Promise<Session> {
  const { sessionId } = await rpc.request("session.create", world.sessionParams());
  const session = rpc.session(sessionId);
  approvePermissions(session);
  return session;
}

for (const under of runtimes) {
  const test = suite(`OAuth life cycle on ${under.name}`);
  let testRuntime: TestRuntime;

  test.before(async () => {
    testRuntime = await startTestRuntime(under);
  });
  test.after(() => testRuntime.close());

  test("initial, refresh, upscope and reauth are asked in this order and answered from here", async () => {
    await using world = await openWorld();
    await using rpc = await testRuntime.connect();
    const session = await openSession(rpc, world);
    let tokens: Tokens | undefined;
    let withhold = false;
    const { asked, accepted, completed } = broker(rpc, session, async (request) => {
      if (request.data.reason === "refresh" && withhold) return { kind: "cancelled" };
      tokens = await obtain(request);
      return tokenAnswer(tokens);
    });
    await registerInterest(session, "mcp.oauth_required");
    await serverStatus(session, "connected");

    world.model.say({ tool: "whoami" });
    await runTurn(session, "Who am I?");
    world.authorization.revoke(tokens?.access_token ?? "");
    world.model.say({ tool: "whoami" });
    await runTurn(session, "And now?");
    world.model.say({ tool: "write", arguments: { text: "kept" } });
    await runTurn(session, "Write it down.");
    world.authorization.revoke(tokens?.access_token ?? "");
    withhold = true;
    world.model.say({ tool: "echo", arguments: { text: "back again" } });
    await runTurn(session, "Say so.");

    assert.equal(
      asked.map(({ data }) => data.reason),
      ["initial", "refresh", "upscope", "refresh", "reauth"],
    );
    assert.equal(accepted, [true, true, true, true, true]);
    assert.equal(
      completed,
      asked.map(({ requestId }, index) => ({ requestId, outcome: index === 3 ? "cancelled" : "token" })),
    );
    assert.equal(world.model.toolResults(), ["ada", "ada", "kept", "back again"]);
    assert.equal(
      world.mcp.runs.map(({ tool }) => tool),
      ["whoami", "whoami", "write", "echo"],
    );
    assert.is(world.authorization.issued.byCode, 4);
  });

  test("the request shows the challenge whole", async () => {
    await using world = await openWorld();
    await using rpc = await testRuntime.connect();
    const session = await openSession(rpc, world);
    const { asked } = broker(rpc, session, async (request) => tokenAnswer(await obtain(request)));
    await registerInterest(session, "mcp.oauth_required");
    await serverStatus(session, "connected");
    world.model.say({ tool: "write", arguments: { text: "kept" } });
    await runTurn(session, "Write it down.");

    const [initial, upscope] = asked.map((request) => wholeData(request));
    const document = await (await fetch(world.mcp.resourceMetadataUrl)).text();
    for (const data of [initial, upscope]) {
      assert.is(data?.serverName, serverName);
      assert.is(data?.serverUrl, world.mcp.endpoint);
      assert.equal(data?.staticClientConfig, { clientId: publicClient.id, publicClient: true });
      assert.is(data?.resourceMetadata, document);
    }
    assert.equal(initial?.wwwAuthenticateParams, {
      resourceMetadataUrl: world.mcp.resourceMetadataUrl,
      scope: "mcp.read",
    });
    assert.equal(upscope?.wwwAuthenticateParams, {
      resourceMetadataUrl: world.mcp.resourceMetadataUrl,
      scope: "mcp.read mcp.write",
      error: "insufficient_scope",
    });
    assert.is(initial?.httpResponse?.statusCode, 401);
    assert.is(initial?.httpResponse?.body, '{"error":"token_missing"}');
    assert.is(
      header(initial?.httpResponse?.headers, "www-authenticate"),
      `Bearer resource_metadata="${world.mcp.resourceMetadataUrl}", scope="mcp.read"`,
    );
    assert.is(header(initial?.httpResponse?.headers, "content-type"), "application/json");
    assert.is(upscope?.httpResponse?.statusCode, 403);
    assert.is(upscope?.httpResponse?.body, '{"error":"insufficient_scope"}');
  });

  test("a client with a grant of its own says so, and a machine's token is as good", async () => {
    await using world = await openWorld();
    await using rpc = await testRuntime.connect();
    const params = world.sessionParams();
    const oauth = {
      oauthClientId: confidentialClient.id,
      oauthPublicClient: false,
      oauthGrantType: "client_credentials" as const,
    };
    params.mcpServers = { [serverName]: { type: "http", url: world.mcp.endpoint, tools: ["*"], ...oauth } };
    const { sessionId } = await rpc.request("session.create", params);
    const session = rpc.session(sessionId);
    approvePermissions(session);
    const { asked } = broker(rpc, session, async (request) =>
      tokenAnswer(await obtainMachineToken(wholeData(request), confidentialClient.secret ?? "")),
    );
    await registerInterest(session, "mcp.oauth_required");
    await serverStatus(session, "connected");
    assert.equal(asked[0]?.data.staticClientConfig, {
      clientId: confidentialClient.id,
      publicClient: false,
      grantType: "client_credentials",
    });
    world.model.say({ tool: "whoami" });
    await runTurn(session, "Who am I?");
    assert.equal(world.model.toolResults(), [confidentialClient.id]);
  });

  test("a token that the server refuses ends in needs-auth, and any further request says refresh", async () => {
    await using world = await openWorld();
    await using rpc = await testRuntime.connect();
    const session = await openSession(rpc, world);
    const { asked, completed } = broker(rpc, session, async () => ({ kind: "token", accessToken: "made-up" }));
    const done = session.events.wait("mcp.oauth_completed", { timeoutMs: 10_000 });
    await registerInterest(session, "mcp.oauth_required");
    await done;
    await serverStatus(session, "needs-auth");
    await runTurn(session, "Anything?");
    assert.ok(completed.every(({ outcome }) => outcome === "token"));
    assert.is(asked[0]?.data.reason, "initial");
    assert.ok(asked.slice(1).every(({ data }) => data.reason === "refresh"));
    assert.equal(world.mcp.runs, []);
  });

  // 1.0.102 lists the tools when the server is connected, and asks then.
  const onlyHere = under === bundled ? test : undefined;
  onlyHere?.(
    "a token that ended before the first turn: the turn goes on without the tools, and nobody is asked until the servers are loaded again",
    async () => {
      await using world = await openWorld();
      await using rpc = await testRuntime.connect();
      const session = await openSession(rpc, world);
      const { asked } = broker(rpc, session, async (request) => tokenAnswer(await obtain(request)));
      await registerInterest(session, "mcp.oauth_required");
      await serverStatus(session, "connected");
      world.authorization.revokeAll();
      await runTurn(session, "What can you do?");
      const offered = (): boolean =>
        world.model.requests.at(-1)?.tools?.some(({ function: { name } }) => name.endsWith("-echo")) ?? false;
      assert.not.ok(offered());
      assert.is(asked.length, 1, "nobody was asked");
      assert.is((await session.request("mcp.list")).servers[0]?.status, "connected");
      await rejects(session.request("mcp.listTools", { serverName }), { message: /MCP OAuth challenge required/ });
      const connected = session.events.wait("session.mcp_server_status_changed", {
        where: ({ data }) => data.status === "connected",
        timeoutMs: 10_000,
      });
      await session.request("mcp.reload");
      await connected;
      assert.is(asked.length, 2);
      await runTurn(session, "And now?");
      assert.ok(offered());
    },
  );

  test("cancelled at the start, the server ends in needs-auth", async () => {
    await using world = await openWorld();
    await using rpc = await testRuntime.connect();
    const session = await openSession(rpc, world);
    const { asked, accepted, completed } = broker(rpc, session, async () => ({ kind: "cancelled" }));
    const done = session.events.wait("mcp.oauth_completed", { timeoutMs: 10_000 });
    await registerInterest(session, "mcp.oauth_required");
    await done;
    await serverStatus(session, "needs-auth");
    await runTurn(session, "Anything?");

    const { servers } = await session.request("mcp.list");
    assert.is(servers.find(({ name }) => name === serverName)?.status, "needs-auth");
    // One start of the server or two, as the interest came before or after its first refusal: each asks once.
    assert.ok(asked.length === 1 || asked.length === 2, `${asked.length} requests`);
    assert.ok(asked.every(({ data }) => data.reason === "initial"));
    assert.ok(accepted.every(Boolean));
    assert.equal(
      completed,
      asked.map(({ requestId }) => ({ requestId, outcome: "cancelled" })),
    );
    assert.equal(world.mcp.runs, []);
  });

  test("cancelled inside a turn, the tool call fails and the turn goes on", async () => {
    await using world = await openWorld();
    await using rpc = await testRuntime.connect();
    const session = await openSession(rpc, world);
    const { asked, completed } = broker(rpc, session, async (request) =>
      request.data.reason === "initial" ? tokenAnswer(await obtain(request)) : { kind: "cancelled" },
    );
    await registerInterest(session, "mcp.oauth_required");
    await serverStatus(session, "connected");
    world.model.say({ tool: "echo", arguments: { text: "here" } });
    await runTurn(session, "Are you there?");
    world.authorization.revokeAll();
    world.model.say({ tool: "whoami" }, { text: "I could not find out." });
    await runTurn(session, "Who am I?");

    assert.equal(
      asked.map(({ data }) => data.reason),
      ["initial", "refresh", "reauth"],
    );
    assert.equal(
      completed.map(({ outcome }) => outcome),
      ["token", "cancelled", "cancelled"],
    );
    assert.match(world.model.toolResults()[1] ?? "", "Re-authentication required");
    assert.equal(
      world.mcp.runs.map(({ tool }) => tool),
      ["echo"],
    );
  });
}

function header(headers: { name: string; value: string }[] | undefined, name: string): string | undefined {
  return headers?.find((each) => each.name.toLowerCase() === name)?.value;
}
