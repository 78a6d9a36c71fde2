/** The host and the broker in Python, with the real runtimes, model and MCP server as in every scenario. */
import * as assert from "uvu/assert";
import { latchkey, openPlace } from "../support/commands.js";
import { startTeam } from "../support/python.js";
import { suite } from "../support/suite.js";
import { confidentialClient, openWorld, runtimes, serverName, startTestRuntime } from "../support/world.js";

const client = { id: confidentialClient.id, secret: confidentialClient.secret ?? "" };

for (const under of runtimes) {
  const test = suite(`examples/python on ${under.name}`, { timeoutMs: 60_000 });

  test("a tool call of the model ends well: token by the broker, permission by a person", async () => {
    await using place = await openPlace();
    await using world = await openWorld({
      script: [{ tool: "echo", arguments: { text: "from Python" } }, { text: "done" }],
    });
    await using testRuntime = await startTestRuntime(under);
    const params = world.sessionParams();
    await using team = await startTeam(place, {
      runtime: { endpoint: testRuntime.runtime.endpoint, token: testRuntime.runtime.token },
      params: {
        ...params,
        mcpServers: { [serverName]: { type: "http", url: world.mcp.endpoint, tools: ["*"], oauthClientId: client.id } },
      },
      prompt: "Say it.",
      issuer: world.authorization.issuer,
      client,
    });
    const waiting = ["ls", "--wait", "--quiet", "--kind", "permission", "--state", "open"];
    const { out } = await latchkey(place, waiting);
    assert.is((await latchkey(place, ["answer", "--approve-once", out.trim()])).code, 0);
    assert.equal((await world.mcp.ran("echo")).arguments, { text: "from Python" });
    assert.is(world.authorization.issued.byClientCredentials, 1);
    assert.equal(await team.host.exited, { code: 0, signal: null });
    assert.ok(team.host.lines.includes("done"), team.host.lines.join("\n"));
  });
}
