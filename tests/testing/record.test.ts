/** A recorded connection says itself again. */
import { registerInterest } from "latchkey/events";
import { handlePendingRequest, pendingRequest } from "latchkey/pending";
import { connect, type Rpc } from "latchkey/rpc";
import { fakeRuntime, record, replay } from "latchkey/testing";
import * as assert from "uvu/assert";
import { rejects, suite } from "../support/suite.js";

const test = suite("Recording and replay");
const secret = "SECRET-1";

/** What a host hears in one sign-in. */
async function signIn(rpc: Rpc): Promise<unknown[]> {
  const heard: unknown[] = [];
  const server = { type: "http" as const, url: `https://ada:${secret}@files.example/mcp?key=${secret}`, tools: ["*"] };
  const mcpServers = { files: { ...server, oauthClientId: "c", headers: { "x-pass": secret } } };
  const { sessionId } = await rpc.request("session.create", { mcpServers });
  const session = rpc.session(sessionId);
  session.events.on("*", ({ type }) => heard.push(type));
  const asked = session.events.wait("mcp.oauth_required", { timeoutMs: 2000 });
  await registerInterest(session, "mcp.oauth_required");
  const request = pendingRequest(await asked, { sessionId });
  const completed = session.events.wait("mcp.oauth_completed", { timeoutMs: 2000 });
  heard.push(await handlePendingRequest(rpc, request, { kind: "token", accessToken: secret }));
  heard.push((await completed).data);
  const call = { serverName: "no", toolName: "no", originServerName: "no" };
  heard.push((await rejects(session.request("mcp.apps.callTool", call))).message);
  return heard;
}

test("a host hears from the replay what it heard from the runtime", async () => {
  await using fake = await fakeRuntime();
  const rpc = await connect(fake.streams());
  const recording = record(rpc);
  const heard = await signIn(rpc);
  recording.stop();
  await rpc.close();
  const again = replay(recording.lines);
  await using replayed = await connect(again.streams());
  assert.equal(await signIn(replayed), heard);
  assert.equal(again.left, []);
  await rejects(replayed.request("ping"), { message: /the recording has no other call of ping/ });
});

test("a recording holds no secret, and only JSON", async () => {
  await using fake = await fakeRuntime();
  await using rpc = await connect(fake.streams());
  const recording = record(rpc);
  await signIn(rpc);
  const text = recording.lines.join("\n");
  assert.not.ok(text.includes(secret), text);
  for (const line of recording.lines) assert.type(JSON.parse(line), "object");
  assert.throws(() => replay(["{}"]), /no recording/);
  assert.throws(() => replay(["nonsense"]), /no JSON object/);
});
