/** Makes one step on a ledger. With `LATCHKEY_FAULT` set it does not survive it. */
import { openLedger } from "latchkey/ledger";
import { parsePendingRequest } from "latchkey/pending";
import * as v from "valibot";
import { given, say } from "../../support/world/program.js";

const work = given(
  v.object({
    location: v.string(),
    key: v.string(),
    step: v.picklist(["record", "claim", "answer", "sent", "settled"]),
    request: v.unknown(),
    leaseMs: v.number(),
  }),
);
const ledger = await openLedger(work.location, { key: work.key });
const request = parsePendingRequest(work.request);
const answer = { kind: "token", accessToken: "A" } as const;

if (work.step === "record") await ledger.record(request);
else {
  const entry = await ledger.record(request);
  if (work.step === "claim" || work.step === "answer") {
    const claim = await ledger.claim({ id: entry.id }, { owner: "victim", leaseMs: work.leaseMs });
    if (work.step === "answer") await claim?.answer(answer);
  } else {
    await ledger.answer(entry.id, answer);
    const delivery = await ledger.deliver(entry.id, { owner: "victim", leaseMs: work.leaseMs });
    if (work.step === "settled") await delivery?.settle({ accepted: true });
  }
}
await say({ type: "done" });
await ledger.close();
