/** What `npm run sweep` plays on every runtime: whole stories with real servers, told by facts where runtimes may differ. */
import { registerInterest } from "latchkey/events";
import { deliverAnswers, keepSessions, recordPending } from "latchkey/keeper";
import { type Entry, type Ledger, openLedger } from "latchkey/ledger";
import { attend, handlePendingRequest, pendingRequest, resume, runtimeLogin, wholeData } from "latchkey/pending";
import type { Rpc, Session } from "latchkey/rpc";
import type { McpServerParams } from "../../../lib/protocol/index.js";
import { key } from "../ledger/place.js";
import {
  approvePermissions,
  type Demand,
  obtainToken,
  onDisk,
  openWorld,
  publicClient,
  runTurn,
  serverName,
  serverStatus,
  type TestRuntime,
  tokenAnswer,
  type World,
} from "../world.js";

export interface Surroundings {
  readonly testRuntime: TestRuntime;
  /** An empty ledger's place. */
  location(): Promise<string>;
  /** Notes what this runtime does, where others may do otherwise. */
  fact(name: string, value: string): void;
}

const slow = { timeoutMs: 60_000 };
const principal = "ada";

function expect(wanted: unknown, seen: unknown, what: string): void {
  if (JSON.stringify(wanted) !== JSON.stringify(seen))
    throw new Error(`${what}: ${JSON.stringify(seen)} instead of ${JSON.stringify(wanted)}`);
}

async function become(ledger: Ledger, wanted: (entry: Entry) => boolean): Promise<Entry> {
  const signal = AbortSignal.timeout(slow.timeoutMs);
  const transitions = ledger.watch({}, { signal });
  for (const entry of await ledger.list()) if (wanted(entry)) return entry;
  for await (const entry of transitions) if (wanted(entry)) return entry;
  throw new Error("the watch ended");
}

async function broker(ledger: Ledger): Promise<void> {
  await using claim = await ledger.claim({ kind: "mcp.oauth_required" }, { owner: "broker", waitMs: slow.timeoutMs });
  const request = await claim?.request();
  if (request?.kind !== "mcp.oauth_required") throw new Error("nothing to claim");
  await claim?.answer(tokenAnswer(await obtainToken(wholeData(request))));
}

async function create(rpc: Rpc, world: World): Promise<Session> {
  const { sessionId } = await rpc.request("session.create", world.sessionParams());
  return rpc.session(sessionId);
}

/** Asks for the first token of a session and gives it at once. */
async function connected(rpc: Rpc, session: Session): Promise<Demand> {
  const asked = session.events.wait("mcp.oauth_required", slow);
  await attend(session);
  const request = pendingRequest(await asked, { sessionId: session.id });
  await handlePendingRequest(rpc, request, tokenAnswer(await obtainToken(wholeData(request))));
  await serverStatus(session, "connected", slow);
  return wholeData(request);
}

/** Recorded by a keeper, the owner's connection cut, answered by a broker that has the ledger only, delivered, and used. */
async function circle({ testRuntime, location, fact }: Surroundings): Promise<void> {
  await using world = await openWorld();
  await using ledger = await openLedger(await location(), { key });
  await using near = await testRuntime.connect();
  let births = 0;
  near.events.on("session.lifecycle", ({ event }) => {
    if (event.type === "session.created") births += 1;
  });
  using keeper = keepSessions(near);
  await using _recorder = recordPending(near, ledger, { principal });
  await using _deliverer = deliverAnswers(near, ledger);
  const held = keeper.events.wait("held", slow);
  const owner = await testRuntime.connect();
  const { id } = await create(owner, world);
  await held;
  fact("`session.created` about a new session", births === 1 ? "once" : "more than once");
  const session = near.session(id);
  approvePermissions(session);
  const alone = session.events.wait("mcp.oauth_required", { timeoutMs: 15_000 }).then(
    () => "asked for",
    () => "not asked for before `mcp.list` or a turn",
  );
  await registerInterest(owner.session(id), "mcp.oauth_required");
  fact("a first token, once there is interest", await alone);
  await attend(session);
  await become(ledger, ({ state }) => state === "open");
  await owner.close();
  await broker(ledger);
  const { outcome } = await become(ledger, ({ state }) => state === "settled");
  expect("accepted", outcome, "the outcome");
  await serverStatus(session, "connected", slow);
  world.model.say({ tool: "whoami" });
  await runTurn(session, "Who am I?", slow);
  const [result] = world.model.toolResults();
  const denied = result?.startsWith("Permission denied and could not request") === true;
  fact("a permission when the owner is gone and a hold is left", denied ? "denied, nobody is asked" : "asked for");
  if (!denied) expect("ada", result, "the tool's result");
}

/** The runtime is killed while a call waits for a token; the answer comes meanwhile and is where the next load looks. */
async function killed({ testRuntime, location, fact }: Surroundings): Promise<void> {
  await using world = await openWorld();
  await using ledger = await openLedger(await location(), { key });
  const first = await testRuntime.connect();
  const session = await create(first, world);
  approvePermissions(session);
  await connected(first, session);
  world.model.say({ tool: "whoami" });
  await runTurn(session, "Who am I?", slow);
  world.authorization.revokeAll();
  const recorder = recordPending(first, ledger, { principal });
  world.model.say({ tool: "whoami" });
  const call = session.events.wait("tool.execution_start", slow);
  await session.request("send", { prompt: "And now?" });
  await become(ledger, ({ kind, state }) => kind === "mcp.oauth_required" && state === "open");
  await onDisk(testRuntime.home, session.id, (await call).data.toolCallId, slow.timeoutMs);
  await recorder.idle();
  await testRuntime.restart();
  await broker(ledger);

  await using rpc = await testRuntime.connect();
  const again = rpc.session(session.id);
  approvePermissions(again);
  const params = { ...world.sessionParams(), sessionId: session.id };
  const { seeded, interrupted } = await resume(rpc, params, { ledger, principal });
  expect([serverName], seeded, "the servers that got the answer");
  await serverStatus(again, "connected", slow);
  expect(2, world.authorization.issued.byCode, "tokens that somebody signed in for");
  fact(
    "a call that waited when the runtime was killed",
    interrupted.length > 0 ? "closed as interrupted" : "made again",
  );
  if (interrupted.length > 0) {
    world.model.say({ tool: "whoami" });
    await runTurn(again, "Once more.", slow);
  } else if (world.mcp.runs.length < 2) await again.events.wait("session.idle", slow);
  expect(2, world.mcp.runs.filter(({ tool }) => tool === "whoami").length, "runs of the tool");
}

/** A permission keeps its id over a kill; it is answered in the ledger. */
async function permission({ testRuntime, location, fact }: Surroundings): Promise<void> {
  await using world = await openWorld();
  await using ledger = await openLedger(await location(), { key });
  const first = await testRuntime.connect();
  const session = await create(first, world);
  const demand = await connected(first, session);
  const recorder = recordPending(first, ledger, { kinds: ["permission.requested"] });
  const asked = session.events.wait("permission.requested", slow);
  world.model.say({ tool: "whoami" });
  await session.request("send", { prompt: "Who am I?" });
  const { data } = await asked;
  fact("`permissionMode` in permissions", "permissionMode" in data ? "said" : "not said");
  const { id, requestId } = await become(ledger, ({ state }) => state === "open");
  await onDisk(testRuntime.home, session.id, requestId, slow.timeoutMs);
  await recorder.idle();
  await testRuntime.restart();

  await using rpc = await testRuntime.connect();
  const again = rpc.session(session.id);
  const { access_token } = await obtainToken(demand);
  const server: McpServerParams = {
    type: "http",
    url: world.mcp.endpoint,
    tools: ["*"],
    headers: { Authorization: `Bearer ${access_token}` },
  };
  const params = { ...world.sessionParams(), mcpServers: { [serverName]: server }, sessionId: session.id };
  const idle = again.events.wait("session.idle", slow);
  const { waiting } = await resume(rpc, params, { ledger });
  expect(
    [requestId],
    waiting.map((event) => event.data.requestId),
    "what waits",
  );
  await using _deliverer = deliverAnswers(rpc, ledger);
  await ledger.answer(id, { kind: "approve-once" });
  const { outcome } = await become(ledger, ({ state }) => state === "settled");
  expect("accepted", outcome, "the outcome");
  await idle;
  expect(
    ["whoami"],
    world.mcp.runs.map(({ tool }) => tool),
    "the tools that ran",
  );
}

/** Code flow, refusal of the token, and what the runtime can do of it by itself. */
async function signIn({ testRuntime, fact }: Surroundings): Promise<void> {
  await using world = await openWorld();
  await using rpc = await testRuntime.connect();
  const session = await create(rpc, world);
  approvePermissions(session);
  const reasons: string[] = [];
  session.events.on("mcp.oauth_required", ({ data }) => reasons.push(data.reason));
  await connected(rpc, session);
  world.model.say({ tool: "whoami" });
  await runTurn(session, "Who am I?", slow);
  world.authorization.revokeAll();
  const refresh = session.events.wait("mcp.oauth_required", slow);
  world.model.say({ tool: "whoami" });
  const turn = runTurn(session, "And now?", slow);
  const request = pendingRequest(await refresh, { sessionId: session.id });
  fact("`runtimeRefreshSupported` in a refresh", request.data.runtimeRefreshSupported === true ? "said" : "not said");
  await handlePendingRequest(rpc, request, tokenAnswer(await obtainToken(wholeData(request))));
  await turn;
  const scope = session.events.wait("mcp.oauth_required", slow);
  world.model.say({ tool: "write", arguments: { text: "kept" } });
  const writing = runTurn(session, "Write it down.", slow);
  const wider = pendingRequest(await scope, { sessionId: session.id });
  await handlePendingRequest(rpc, wider, tokenAnswer(await obtainToken(wholeData(wider))));
  await writing;
  expect(["initial", "refresh", "upscope"], reasons, "the reasons");
  expect(["ada", "ada", "kept"], world.model.toolResults(), "the tools' results");

  const able = await rpc.capabilities();
  for (const [name, can] of Object.entries(able)) fact(`capability \`${name}\``, can ? "yes" : "no");
  if (!able.runtimeLogin) return;
  await using other = await openWorld();
  const own = await create(rpc, other);
  const redirectUri = "https://host.example/callback";
  const client = { serverName, redirectUri, clientId: publicClient.id, publicClient: true };
  const login = await runtimeLogin.begin(rpc, own.id, client);
  if (login === undefined) throw new Error("the runtime has a token already");
  const { headers } = await fetch(login.url, { redirect: "manual" });
  await runtimeLogin.finish(rpc, login, headers.get("location") ?? "");
  await serverStatus(own, "connected", slow);
}

/** Killed while nothing waits, and loaded again; and what cannot be loaded, by its code. */
async function resumed({ testRuntime, fact }: Surroundings): Promise<void> {
  await using world = await openWorld();
  const first = await testRuntime.connect();
  const session = await create(first, world);
  const empty = await create(first, world);
  approvePermissions(session);
  await runTurn(session, "Are you there?", slow);
  await onDisk(testRuntime.home, session.id, "Are you there?", slow.timeoutMs);
  await testRuntime.restart();
  await using rpc = await testRuntime.connect();
  const again = rpc.session(session.id);
  approvePermissions(again);
  const { cold, waiting } = await resume(rpc, { ...world.sessionParams(), sessionId: session.id });
  expect(true, cold, "a cold resume");
  const asked = waiting.find((event) => event.type === "mcp.oauth_required");
  fact("a first token after a resume", asked ? "asked for by itself" : "not asked for");
  if (asked?.type !== "mcp.oauth_required") throw new Error("nobody was asked for a token");
  const request = pendingRequest(asked, { sessionId: session.id });
  await handlePendingRequest(rpc, request, tokenAnswer(await obtainToken(wholeData(request))));
  await serverStatus(again, "connected", slow);
  world.model.say({ tool: "whoami" });
  await runTurn(again, "Who am I?", slow);
  expect(["ada"], world.model.toolResults(), "the tool's result");
  const refused: unknown = await resume(rpc, { ...world.sessionParams(), sessionId: empty.id }).catch((error) => error);
  expect("NOT_RESUMABLE", refused instanceof Error && "code" in refused && refused.code, "a session without a message");
}

export const scenarios = {
  circle,
  "killed runtime": killed,
  "permission over a kill": permission,
  "sign-in": signIn,
  resume: resumed,
};

export type ScenarioName = keyof typeof scenarios;
