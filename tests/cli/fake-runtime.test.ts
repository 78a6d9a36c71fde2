/** `latchkey fake-runtime`: the fake as a program. */
import { connect } from "latchkey/rpc";
import * as assert from "uvu/assert";
import { latchkey, latchkeyPath, openPlace } from "../support/commands.js";
import { suite } from "../support/suite.js";
import { startScript } from "../support/world.js";

const test = suite("latchkey fake-runtime");

test("listens, asks what it is told to by JSON lines, and tells the answers", async () => {
  await using program = startScript(latchkeyPath, {
    args: ["fake-runtime", "--like", "1.0.85"],
    env: { COPILOT_CONNECTION_TOKEN: "given" },
  });
  const ready = await program.next("ready");
  assert.equal([ready.token, ready.version], ["given", "1.0.85"]);
  const rpc = await connect(String(ready.endpoint), { token: "given" });
  const { sessionId } = await rpc.request("session.create", { requestPermission: true });
  const session = rpc.session(sessionId);
  session.events.on("permission.requested", ({ data: { requestId } }) =>
    session.request("permissions.handlePendingPermissionRequest", { requestId, result: { kind: "approve-once" } }),
  );
  program.tell({ type: "order", do: "raise", sessionId, kind: "permission.requested" });
  const { requestId } = await program.next("raised");
  const answered = await program.next("answered");
  assert.equal([answered.requestId, answered.accepted], [requestId, true]);
  program.tell({ type: "order", do: "raise", sessionId, kind: "nonsense" });
  assert.match(String((await program.next("error")).message), "is not a pending kind");
  program.tell({ type: "order", do: "restart" });
  assert.is((await program.next("restarted")).endpoint, ready.endpoint);
  await rpc.closed;
  program.signal("SIGTERM");
  assert.equal(await program.exited, { code: 0, signal: null });
});

test("refuses a likeness and a fault that there are none of", async () => {
  await using place = await openPlace();
  const like = await latchkey(place, ["fake-runtime", "--like", "2"]);
  assert.equal([like.code, /1\.0\.85, 1\.0\.102/.test(like.err)], [2, true]);
  const fault = await latchkey(place, ["fake-runtime", "--fault", "none"]);
  assert.equal([fault.code, /drop-reply/.test(fault.err)], [2, true]);
});
