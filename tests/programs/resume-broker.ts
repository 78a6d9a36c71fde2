/**
 * Answers whatever the ledger has open: obtains tokens, approves permissions, makes tickets. It knows no runtime.
 * What it says: `ready`, `claimed`, `answered`, `fenced`.
 */
import { LedgerError } from "latchkey";
import { openLedger } from "latchkey/ledger";
import { type KindName, wholeData } from "latchkey/pending";
import * as v from "valibot";
import { keyOf, programOptions } from "../support/resume/program.js";
import { given, say } from "../support/world/program.js";
import { obtainToken, tokenAnswer } from "../support/world.js";

const work = given(
  v.object({
    ledger: programOptions.ledger,
    key: programOptions.key,
    owner: v.string(),
    leaseMs: v.optional(v.number(), 3000),
    kinds: v.optional(v.array(v.custom<KindName>((name) => typeof name === "string"))),
  }),
);

const ledger = await openLedger(work.ledger, keyOf(work));
await say({ type: "ready" });
const forever = new AbortController().signal;
for (;;) {
  const filter = work.kinds === undefined ? {} : { kind: work.kinds };
  const claim = await ledger.claim(filter, { owner: work.owner, leaseMs: work.leaseMs, signal: forever });
  if (claim === undefined) continue;
  const { id, kind } = claim.entry;
  await say({ type: "claimed", id, kind });
  try {
    const answer = await answerTo(await claim.request());
    if (answer === undefined) await claim.cancel({ by: work.owner, reason: "nothing this broker can answer" });
    else await claim.answer(answer, { by: work.owner });
    await say({ type: "answered", id, kind });
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    await say({ type: "fenced", id, kind, code: error.code });
  }
}

async function answerTo(
  request: Awaited<ReturnType<NonNullable<Awaited<ReturnType<typeof ledger.claim>>>["request"]>>,
) {
  switch (request.kind) {
    case "mcp.oauth_required":
      return tokenAnswer(await obtainToken(wholeData(request)));
    case "permission.requested":
      return { kind: "approve-once" } as const;
    case "external_tool.requested":
      return { result: "ticket 17" };
    default:
      return undefined;
  }
}
