/**
 * A broker that refreshes for every claim, as if each kept token were too old. With LATCHKEY_FAULT set it is killed, or stopped, at one step of the
 * first. What it says: `ready`, `claimed`, `done` (how), `failed` (code). What it hears: `go`.
 */
import { openLedger } from "latchkey/ledger";
import * as v from "valibot";
import { Browser } from "../../support/oauth/browser.js";
import { answerByOAuth } from "../../support/oauth/sign-in.js";
import { given, heard, say } from "../../support/world/program.js";

const work = given(
  v.object({ location: v.string(), key: v.string(), leaseMs: v.number(), once: v.boolean(), sessionId: v.string() }),
);
const ledger = await openLedger(work.location, { key: work.key });
const far = 10 ** 9;

/** As the package's own fault points do, which are left out of programs. */
function fault(point: string): void {
  const { LATCHKEY_FAULT, LATCHKEY_FAULT_SIGNAL } = process.env;
  if (LATCHKEY_FAULT !== point) return;
  delete process.env.LATCHKEY_FAULT;
  process.kill(process.pid, LATCHKEY_FAULT_SIGNAL);
}

/** The step between the two that the ledger sees. Discovery before it uses GET. */
const watched: typeof fetch = async (input, init) => {
  if (init?.method === "POST") fault("post:before");
  const response = await fetch(input, init);
  if (init?.method === "POST") fault("post:answered");
  return response;
};

/** False when it is over for the victim: it has answered, or gone on after its stop. Until then it claims again, as a broker does that was too slow. */
async function answerOne(): Promise<boolean> {
  const claim = await ledger.claim(
    { kind: "mcp.oauth_required", sessionId: work.sessionId },
    { owner: `broker ${process.pid}`, leaseMs: work.once ? work.leaseMs : 60_000, waitMs: 600_000 },
  );
  if (claim === undefined) return !work.once;
  await say({ type: "claimed", scope: claim.entry.credential });
  try {
    const options = { minLifetimeMs: far, leaseMs: work.leaseMs, waitMs: 20_000, fetch: watched, alone: true };
    await say({ type: "done", ...(await answerByOAuth(claim, (url) => new Browser().signIn(url), options)) });
    return !work.once;
  } catch (error) {
    await say({ type: "failed", code: error instanceof Error && "code" in error ? error.code : String(error) });
  } finally {
    await claim.release();
  }
  return !work.once || process.env.LATCHKEY_FAULT !== undefined;
}

await say({ type: "ready" });
for await (const { type } of heard()) {
  if (type !== "go") continue;
  while (await answerOne());
  break;
}
await ledger.close();
process.exit();
