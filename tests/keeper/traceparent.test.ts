/** Which trace context a recorder writes down: the event's, else what the host tells, and nothing that is none. */
import { recordPending } from "latchkey/keeper";
import { openLedger } from "latchkey/ledger";
import * as assert from "uvu/assert";
import { memoryPair, sessionEvent, trapStrayRejections } from "../support/pair.js";
import { suite } from "../support/suite.js";

const test = suite("the trace context of what asked");
trapStrayRejections(test);

const ofEvent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const ofSend = "00-11111111111111111111111111111111-2222222222222222-01";

for (const [what, inEvent, told, expected] of [
  ["the event's own", ofEvent, () => ofSend, ofEvent],
  ["what the host tells, where the event has none", undefined, () => ofSend, ofSend],
  ["what the host tells, where the event's is none", "SEKRET", () => ofSend, ofSend],
  ["nothing that is no traceparent", undefined, () => "SEKRET", undefined],
  ["nothing where nobody tells", undefined, undefined, undefined],
] as const)
  test(what, async () => {
    const { rpc, peer } = await memoryPair();
    await using ledger = await openLedger(":memory:");
    await using recorder = recordPending(rpc, ledger, { traceparent: told });
    const recorded = recorder.events.wait("recorded");
    const data = { requestId: "r", toolCallId: "c", toolName: "t", ...(inEvent && { traceparent: inEvent }) };
    peer.send(sessionEvent("s", "external_tool.requested", "e", data));
    assert.is((await recorded).traceparent, expected);
    await rpc.close();
  });

test("a host that throws loses no request, and hears of it", async () => {
  const { rpc, peer } = await memoryPair();
  await using ledger = await openLedger(":memory:");
  const thrown = new Error("no trace");
  await using recorder = recordPending(rpc, ledger, {
    traceparent() {
      throw thrown;
    },
  });
  const failed = recorder.events.wait("error");
  const recorded = recorder.events.wait("recorded");
  peer.send(sessionEvent("s", "external_tool.requested", "e", { requestId: "r", toolCallId: "c", toolName: "t" }));
  assert.equal(await failed, { error: thrown, sessionId: "s" });
  assert.is((await recorded).traceparent, undefined);
  await rpc.close();
});
