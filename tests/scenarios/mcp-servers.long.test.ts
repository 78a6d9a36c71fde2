/**
 * MCP servers from npm that protect themselves with OAuth, the real runtime as their client, and a broker that has the ledger alone: a session
 * signs in, refreshes, steps up, and is resumed after kill -9 without another sign-in.
 */
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { keep } from "latchkey/keeper";
import { type Ledger, openLedger } from "latchkey/ledger";
import { attend, resume } from "latchkey/pending";
import type { Session } from "latchkey/rpc";
import * as assert from "uvu/assert";
import { routers, type ServerProgram, startServerProgram } from "../support/oauth/mcp-servers.js";
import { suite } from "../support/suite.js";
import {
  allRuntimes,
  approvePermissions,
  type Model,
  type Program,
  runTurn,
  serverName,
  serverStatus,
  sessionParams,
  startModel,
  startProgram,
  startTestRuntime,
} from "../support/world.js";

/** The test world's session, for a server that registers clients itself. */
function params(server: ServerProgram, model: Model) {
  const mcpServers = { [serverName]: { type: "http" as const, url: server.url, tools: ["*"] } };
  return { ...sessionParams({ modelUrl: model.baseUrl, mcpUrl: server.url }), mcpServers };
}

async function startBroker(ledger: string): Promise<Program> {
  const broker = startProgram("oauth-renewer", { given: { ledger } });
  await broker.next("ready");
  return broker;
}

async function useTool(session: Session, model: Model, tool: string): Promise<string | undefined> {
  model.say({ tool, arguments: { text: "kept" } });
  await runTurn(session, "Go on.");
  return model.toolResults().at(-1);
}

/**
 * Until the server is connected. A token that the server ended before its time may be given once more by the ledger; the runtime then gives the
 * server up without a request, and the host asks again.
 */
async function connected(session: Session, ledger: Ledger): Promise<void> {
  for (; ; await delay(100)) {
    const { servers } = await session.request("mcp.list");
    const [server] = servers;
    if (server?.status === "connected") return;
    const [open] = await ledger.list({ kind: "mcp.oauth_required", state: ["open", "answered", "sent"] });
    if (server?.status === "needs-auth" && open === undefined) await attend(session);
  }
}

for (const under of allRuntimes) {
  const test = suite(`Servers of npm, on ${under.name}`, { timeoutMs: 90_000 });
  for (const router of routers)
    test(`${router}: signs in, refreshes, steps up, and is resumed after kill -9 without another sign-in`, async () => {
      const folder = await mkdtemp(join(tmpdir(), "latchkey-servers-"));
      try {
        await using server = await startServerProgram(router);
        await using model = await startModel();
        const location = join(folder, "ledger.db");
        await using ledger = await openLedger(location);
        await using testRuntime = await startTestRuntime(under);
        const sessionId = randomUUID();
        const first = await startBroker(location);
        {
          await using near = await testRuntime.connect();
          await using keeping = keep(near, ledger, { principal: "ada", interest: ["mcp.oauth_required"] });
          await using rpc = await testRuntime.connect();
          const held = keeping.events.wait("held", { timeoutMs: 20_000 });
          await rpc.request("session.create", { ...params(server, model), sessionId });
          await held;
          const session = rpc.session(sessionId);
          approvePermissions(session);

          assert.equal([(await first.next("answered")).why, (await server.counts()).signIns], ["none", 1]);
          await serverStatus(session, "connected");
          assert.is(await useTool(session, model, "whoami"), "ada");

          await server.expire();
          assert.is(await useTool(session, model, "whoami"), "ada");
          assert.is((await first.next("answered")).how, "refreshed");
          assert.equal(await server.counts(), { signIns: 1, refreshes: 1, families: 0, revoked: 0 });

          assert.is(await useTool(session, model, "write"), "written: kept");
          assert.equal([(await first.next("answered")).why, (await server.counts()).signIns], ["scope", 2]);
          const [grant] = await ledger.grants();
          assert.equal([...(grant?.scope ?? [])].sort(), ["notes:read", "notes:write"], "the union");
          await first.kill();
          await testRuntime.restart();
        }
        await using broker = await startBroker(location);
        for (const expired of [false, true]) {
          if (expired) {
            await server.expire();
            await testRuntime.restart();
          }
          await using rpc = await testRuntime.connect();
          await using _keeping = keep(rpc, ledger, { principal: "ada", interest: ["mcp.oauth_required"] });
          approvePermissions(rpc.session(sessionId));
          const { session, seeded } = await resume(
            rpc,
            { ...params(server, model), sessionId },
            { ledger, principal: "ada" },
          );
          assert.equal(seeded, [serverName]);
          await connected(session, ledger);
          assert.is(await useTool(session, model, "write"), "written: kept");
          const { signIns, refreshes, families } = await server.counts();
          assert.equal([signIns, refreshes, families], [2, expired ? 2 : 1, 0]);
          if (expired) assert.is((await broker.next("answered")).how, "refreshed");
        }
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    });
}
