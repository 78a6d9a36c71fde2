/** A keeper that writes down what its sessions ask, and carries answers from the ledger to the runtime. */
import { deliverAnswers, recordPending } from "latchkey/keeper";
import { openLedger } from "latchkey/ledger";
import * as v from "valibot";
import { playKeeper } from "../support/circle/keeper.js";
import { given } from "../support/world/program.js";

const { ledger: location } = given(v.object({ ledger: v.string() }));

const ledger = await openLedger(location);
await playKeeper((rpc) => {
  const recorder = recordPending(rpc, ledger, { kinds: ["mcp.oauth_required"], principal: "ada", by: "keeper" });
  const deliverer = deliverAnswers(rpc, ledger);
  recorder.events.on("error", complain);
  deliverer.events.on("error", complain);
});

function complain({ error }: { error: unknown }): void {
  process.stderr.write(`${String(error)}\n`);
}
