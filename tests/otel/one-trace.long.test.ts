/** One trace through the real runtimes, with their own telemetry on: from the host's prompt over the tool call to the broker and back. */
import { traceHeaders } from "latchkey/otel";
import * as assert from "uvu/assert";
import { provocations } from "../support/kinds/provocations.js";
import { suite } from "../support/suite.js";
import { walkOneTrace } from "../support/tracing/one-trace.js";
import { startTelemetry } from "../support/tracing/telemetry.js";
import { runtimes, startModel, startTestRuntime } from "../support/world.js";

for (const under of runtimes) {
  const test = suite(`One trace through ${under.name}`, { timeoutMs: 60_000 });

  test("from the host's prompt to the broker in another process and back", async () => {
    const telemetry = startTelemetry(() => undefined);
    // Nobody listens there: the runtime's own spans are not needed.
    const env = { COPILOT_OTEL_ENABLED: "true", OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9" };
    await using testRuntime = await startTestRuntime(under, { env });
    await using model = await startModel(...provocations.externalTool.script);
    await using host = await testRuntime.connect();
    const { endpoint, token } = testRuntime.runtime;
    await walkOneTrace({
      endpoint,
      token,
      async open() {
        const { sessionId } = await host.request("session.create", {
          ...provocations.externalTool.params({ modelUrl: model.baseUrl, mcpUrl: "" }),
          provider: { type: "openai", wireApi: "completions", baseUrl: model.baseUrl, apiKey: "none" },
          model: "scripted",
        });
        return sessionId;
      },
      async ask(sessionId) {
        const session = host.session(sessionId);
        const asked = session.events.wait("external_tool.requested");
        const sent = await telemetry.getTracer("host").startActiveSpan("prompt", async (span) => {
          const headers = traceHeaders();
          await session.request("send", { prompt: "Go on.", ...headers });
          span.end();
          return headers.traceparent ?? "";
        });
        const { traceparent = "" } = (await asked).data;
        assert.is(traceparent.split("-")[1], sent.split("-")[1], "the runtime goes on with the host's trace");
        return traceparent;
      },
    });
    await telemetry.shutdown();
  });
}
