/** The host and the broker in Python, with the fake runtime; with the real ones in python.long.test.ts. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { latchkey, latchkeyPath, openPlace, packageRoot } from "../support/commands.js";
import { startTeam } from "../support/python.js";
import { suite } from "../support/suite.js";
import { confidentialClient, startAuthorization, startScript } from "../support/world.js";

const test = suite("examples/python");
const client = { id: confidentialClient.id, secret: confidentialClient.secret ?? "" };

test("the host's questions are answered by the broker, what is not its affair by a person", async () => {
  await using place = await openPlace();
  await using authorization = await startAuthorization();
  await using fake = startScript(latchkeyPath, {
    args: ["fake-runtime"],
    env: { ...place.env, COPILOT_CONNECTION_TOKEN: "given" },
  });
  const { endpoint } = await fake.next("ready");
  const mcpServers = { notes: { type: "http", url: "https://notes.example/mcp", oauthClientId: "c" } } as const;
  await using team = await startTeam(place, {
    runtime: { endpoint: String(endpoint), token: "given" },
    params: { requestPermission: true, mcpServers },
    prompt: "Read it.",
    issuer: authorization.issuer,
    client,
  });
  const { sessionId } = team;
  const order = (what: string, more: object): void => fake.tell({ type: "order", do: what, sessionId, ...more });
  const permission = (asked: object) => ({ ask: "permission.requested", data: { permissionRequest: asked } });
  // The fake asks for a token without saying where the resource's metadata is. This broker leaves that to others.
  await team.broker.line(/"mcp.oauth_required","fate":"retry"/);
  order("script", {
    replies: [permission({ kind: "read", path: "a.txt" }), permission({ kind: "shell", fullCommandText: "rm -rf /" })],
  });
  order("script", { replies: [{ text: "read, and not deleted" }] });
  await fake.next("scripted");
  await fake.next("scripted");
  const serverUrl = "https://notes.example/v2/mcp";
  const resourceMetadata = JSON.stringify({ resource: serverUrl, authorization_servers: [authorization.issuer] });
  order("raise", { kind: "mcp.oauth_required", data: { serverName: "notes", serverUrl, resourceMetadata } });
  const token = await fake.next("answered");
  assert.equal([token.kind, Object(token.answer).kind], ["mcp.oauth_required", "token"]);
  assert.is(authorization.issued.byClientCredentials, 1);
  assert.equal((await fake.next("answered")).answer, { kind: "approve-once", approvedInteractively: false });
  const shell = JSON.parse(await team.broker.line(/"permission.requested","fate":"retry"/));
  assert.is((await latchkey(place, ["answer", "--deny", shell.id])).code, 0);
  assert.is(Object((await fake.next("answered")).answer).kind, "reject");
  assert.equal(await team.host.exited, { code: 0, signal: null });
  assert.ok(team.host.lines.includes("read, and not deleted"), team.host.lines.join("\n"));
  assert.match(team.host.lines.join("\n"), /open +permission\.requested +shell .*rm -rf/);
});

test("docs/wire.md shows these programs as they are", async () => {
  const page = await readFile(join(packageRoot, "docs/wire.md"), "utf8");
  for (const path of ["examples/python/host.py", "examples/python/broker.py"]) {
    const code = await readFile(join(packageRoot, path), "utf8");
    assert.ok(page.includes(`<!-- ${path} -->\n\`\`\`python\n${code}\`\`\`\n`), path);
    assert.ok(code.split("\n").filter((line) => line !== "").length <= 41, `${path} is no longer short`);
  }
});
