/** A keeper with the real OpenTelemetry SDK: says each span that it ends. */
import { keep } from "latchkey/keeper";
import { openLedger } from "latchkey/ledger";
import { instrument } from "latchkey/otel";
import { connect } from "latchkey/rpc";
import * as v from "valibot";
import { startTelemetry } from "../support/tracing/telemetry.js";
import { given, say } from "../support/world/program.js";

const {
  ledger: location,
  endpoint,
  token,
} = given(v.object({ ledger: v.string(), endpoint: v.string(), token: v.string() }));
startTelemetry((span) => say({ type: "span", span }));
using _ = instrument({ requests: ({ method }) => /handlePending/.test(method) });
await using ledger = await openLedger(location);
await using rpc = await connect(endpoint, { token });
await using keeping = keep(rpc, ledger);
keeping.events.on("held", ({ sessionId }) => say({ type: "held", sessionId }));
keeping.events.on("settled", ({ id, outcome }) => say({ type: "settled", id, outcome }));
await say({ type: "ready" });
await keeping.closed;
