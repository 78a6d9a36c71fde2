/** Delivers what its session was answered, and with `LATCHKEY_FAULT` set dies on the way. */
import { deliverAnswers } from "latchkey/keeper";
import { openLedger } from "latchkey/ledger";
import { connect } from "latchkey/rpc";
import * as v from "valibot";
import { given, say } from "../../support/world/program.js";

const work = given(
  v.object({
    location: v.string(),
    key: v.string(),
    endpoint: v.string(),
    token: v.string(),
    sessionId: v.string(),
    leaseMs: v.number(),
  }),
);
const ledger = await openLedger(work.location, { key: work.key });
const rpc = await connect(work.endpoint, { token: work.token });
deliverAnswers(rpc, ledger, { sessions: [work.sessionId], leaseMs: work.leaseMs, owner: "victim" });
await say({ type: "ready" });
