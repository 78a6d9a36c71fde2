/** One trace over three processes: what asks, its keeper, its broker, and back. */
import { registerInterest } from "latchkey/events";
import { traceHeaders } from "latchkey/otel";
import { connect } from "latchkey/rpc";
import { fakeRuntime } from "latchkey/testing";
import * as assert from "uvu/assert";
import { suite } from "../support/suite.js";
import { walkOneTrace } from "../support/tracing/one-trace.js";
import { startTelemetry } from "../support/tracing/telemetry.js";

const test = suite("one trace", { timeoutMs: 40_000 });

test("from a tool call to the broker in another process and back", async () => {
  const telemetry = startTelemetry(() => undefined);
  await using fake = await fakeRuntime();
  await using host = await connect(fake.endpoint, { token: fake.token });
  const parameters = { type: "object", properties: {} };
  await walkOneTrace({
    endpoint: fake.endpoint,
    token: fake.token,
    async open() {
      const { sessionId } = await host.request("session.create", {
        tools: [{ name: "ticket", description: "Makes a ticket.", parameters, skipPermission: true }],
      });
      await registerInterest(host.session(sessionId), "external_tool.requested");
      return sessionId;
    },
    async ask(sessionId) {
      // As a runtime does whose own telemetry is on.
      const { traceparent } = await telemetry.getTracer("runtime").startActiveSpan("execute_tool ticket", (span) => {
        span.end();
        return Promise.resolve(traceHeaders());
      });
      assert.ok(traceparent);
      fake.raise(sessionId, "external_tool.requested", { toolName: "ticket", traceparent });
      return traceparent;
    },
  });
  await telemetry.shutdown();
});
