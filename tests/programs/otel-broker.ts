/** A broker with the real OpenTelemetry SDK: answers one tool call, in the trace of what asked. Says each span that it ends. */
import { context, trace } from "@opentelemetry/api";
import { openLedger } from "latchkey/ledger";
import { contextOf, instrument } from "latchkey/otel";
import * as v from "valibot";
import { startTelemetry } from "../support/tracing/telemetry.js";
import { given, say } from "../support/world/program.js";

const { ledger: location } = given(v.object({ ledger: v.string() }));
startTelemetry((span) => say({ type: "span", span }));
using _ = instrument();
await using ledger = await openLedger(location);
const claim = await ledger.claim({ kind: "external_tool.requested" }, { owner: "broker", waitMs: 10_000 });
if (claim === undefined) throw new Error("nothing to claim");
await context.with(contextOf(claim.entry), () =>
  trace.getTracer("broker").startActiveSpan("look up", async (span) => {
    await claim.answer({ result: "ticket 17" });
    span.end();
  }),
);
await say({ type: "answered" });
