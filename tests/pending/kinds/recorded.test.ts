import { handlePendingRequest, parsePendingRequest, pendingRequest } from "latchkey/pending";
import * as assert from "uvu/assert";
import { memoryPair, sessionEvent } from "../../support/pair.js";
import { suite } from "../../support/suite.js";

const test = suite("Kinds that need a back end, by frames written from the schemas");

const sessionId = "6a1f6e0e-5b7e-4a39-9f6e-0d6f4f3a2b11";

test("auto_mode_switch.requested", async () => {
  const { rpc, peer } = await memoryPair();
  await using _ = rpc;
  const asked = rpc.session(sessionId).events.wait("auto_mode_switch.requested");
  const data = { requestId: "r1", errorCode: "user_weekly_rate_limited", retryAfterSeconds: 3600 };
  peer.send(sessionEvent(sessionId, "auto_mode_switch.requested", "e1", data, { ephemeral: true }));
  const stored = JSON.stringify(pendingRequest(await asked, { sessionId }));
  assert.equal(JSON.parse(stored).data, data);

  const request = parsePendingRequest(stored);
  assert.ok(request.kind === "auto_mode_switch.requested");
  const answered = handlePendingRequest(rpc, request, "yes_always");
  const sent = await peer.next("session.ui.handlePendingAutoModeSwitch");
  assert.equal(sent.params, { sessionId, requestId: "r1", response: "yes_always" });
  peer.answer(sent, { success: true });
  assert.equal(await answered, { accepted: true });
});

test("session_limits_exhausted.requested", async () => {
  const { rpc, peer } = await memoryPair();
  await using _ = rpc;
  const asked = rpc.session(sessionId).events.wait("session_limits_exhausted.requested");
  const data = { requestId: "r2", usedAiCredits: 12, maxAiCredits: 10 };
  peer.send(sessionEvent(sessionId, "session_limits_exhausted.requested", "e2", data, { ephemeral: true }));
  const stored = JSON.stringify(pendingRequest(await asked, { sessionId }));
  assert.equal(JSON.parse(stored).data, data);

  const request = parsePendingRequest(stored);
  assert.ok(request.kind === "session_limits_exhausted.requested");
  const answered = handlePendingRequest(rpc, request, { action: "add", additionalAiCredits: 5 });
  const sent = await peer.next("session.ui.handlePendingSessionLimitsExhausted");
  assert.equal(sent.params, { sessionId, requestId: "r2", response: { action: "add", additionalAiCredits: 5 } });
  peer.answer(sent, { success: false });
  assert.equal(await answered, { accepted: false });
});

test("a wrong answer to them is refused before anything is sent", async () => {
  const { rpc, peer } = await memoryPair();
  await using _ = rpc;
  const before = peer.received.length;
  for (const [kind, answer] of [
    ["auto_mode_switch.requested", "maybe"],
    ["session_limits_exhausted.requested", { action: "double" }],
  ] as const) {
    const request = { kind, sessionId, requestId: "r3" };
    // @ts-expect-error the compiler refuses it as well
    const refused = await handlePendingRequest(rpc, request, answer).catch((error: unknown) => error);
    assert.is(refused instanceof Error && refused.name, "ValidationError");
  }
  assert.is(peer.received.length, before);
});
