/**
 * The whole of what is under test of the MCP conformance suite: the real runtime is the MCP client, latchkey is its host. A keeper records
 * what the runtime asks and delivers the answers; the broker is processes of their own, with lib/oauth. The model calls each of the server's
 * tools once. The runtime is named by LATCHKEY_RUNTIME.
 */
import { registerInterest } from "latchkey/events";
import { keep } from "latchkey/keeper";
import { openLedger } from "latchkey/ledger";
import { suiteClient } from "../support/oauth/suite-client.js";
import { type ModelRequest, type Reply, startModel } from "../support/world/model.js";
import { allRuntimes, approvePermissions, runTurn, serverName, startTestRuntime } from "../support/world.js";

const under = allRuntimes.find(({ name }) => name === process.env.LATCHKEY_RUNTIME);
if (under === undefined) throw new Error("LATCHKEY_RUNTIME names no runtime");

/** The runtime says nothing when it gives a server up, so a time without a request, or in a turn, is the sign that it is over. */
const [quietMs, turnLimitMs] = [5_000, 20_000];

await using client = await suiteClient();
await using ledger = await openLedger(client.ledger);
await using model = await startModel();
await using testRuntime = await startTestRuntime(under);
await using near = await testRuntime.connect();
await using keeping = keep(near, ledger, { principal: "ada" });
keeping.events.on("error", ({ error }) => process.stderr.write(`keeper: ${error}\n`));
keeping.events.on("recorded", ({ kind, data }) => process.stderr.write(`recorded: ${kind} ${JSON.stringify(data)}\n`));
await using rpc = await testRuntime.connect();

const held = keeping.events.wait("held", { timeoutMs: 20_000 });
const { sessionId } = await rpc.request("session.create", {
  provider: { type: "openai", wireApi: "completions", baseUrl: model.baseUrl, apiKey: "none" },
  model: "scripted",
  envValueMode: "direct",
  requestPermission: true,
  mcpServers: { [serverName]: { type: "http", url: client.serverUrl, tools: ["*"] } },
});
await held;
const session = rpc.session(sessionId);
approvePermissions(session);
session.events.on("session.mcp_server_status_changed", ({ data }) =>
  process.stderr.write(`status: ${JSON.stringify(data)}\n`),
);
session.events.on("tool.execution_complete", ({ data }) =>
  process.stderr.write(`tool: ${JSON.stringify(data).slice(0, 400)}\n`),
);

const over = new AbortController();
const gaveUp = new AbortController();
let quiet: NodeJS.Timeout | undefined;
const connected = session.events
  .wait("session.mcp_server_status_changed", {
    where: ({ data }) => data.status === "connected" || data.status === "failed",
    signal: gaveUp.signal,
  })
  .then(
    () => true,
    () => false,
  );
const answering = answerAll();
await registerInterest(session, "mcp.oauth_required");
if (await connected) await useEveryTool();
clearTimeout(quiet);
over.abort();
await answering.catch(() => undefined);

/** The suite sees what is sent: what is refused here is its own affair. */
async function answerAll(): Promise<void> {
  for await (const { state } of ledger.watch({ kind: "mcp.oauth_required" }, { signal: over.signal })) {
    clearTimeout(quiet);
    if (state === "open" && !(await client.obtain())) gaveUp.abort();
    quiet = setTimeout(() => gaveUp.abort(), quietMs);
  }
}

async function useEveryTool(): Promise<void> {
  const called = new Set<string>();
  const next: Reply = ({ tools = [] }: ModelRequest) => {
    const names = tools.map((tool) => tool.function.name);
    const name = names.find((each) => each.startsWith(`${serverName}-`) && !called.has(each));
    if (name === undefined) return { text: "done" };
    called.add(name);
    return { tool: name };
  };
  for (const again of [false, true]) {
    if (again) await reload();
    model.say(next, next, next);
    await runTurn(session, "Use every tool.", { timeoutMs: turnLimitMs });
    if (called.size > 0) return;
  }
}

/** A server whose token was refused when the first turn listed its tools has none, and the runtime asks nobody: it must be started again. */
async function reload(): Promise<void> {
  const again = session.events.wait("session.mcp_server_status_changed", {
    where: ({ data }) => data.status === "connected",
    timeoutMs: turnLimitMs,
  });
  await session.request("mcp.reload");
  await again;
}
