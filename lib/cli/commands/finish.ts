import type { Claim, Entry, Ledger } from "../../ledger/index.js";
import { allEntries } from "../../ledger/internal.js";
import { shortId } from "../entries.js";
import { exit, Stop } from "../exit.js";
import { type Io, oneLine, print, printJson, progress } from "../io.js";
import { defaultLeaseMs, withLease } from "../lease.js";
import { ask, readAll } from "../prompt.js";
import { reachLedger } from "../reach.js";
import { endCode, isBoundToBrowser, stashed } from "../sign-in/finish.js";

interface Flags {
  ledger?: string | undefined;
  by?: string | undefined;
  json?: boolean | undefined;
  "allow-http"?: boolean | undefined;
}

/** Ends the sign-in that a callback URL belongs to, whoever began it. */
export async function finish(operand: string | undefined, flags: Flags, io: Io): Promise<number | undefined> {
  const url = operand ?? (io.in.isTTY ? await ask(io, "Address", { secret: false }) : await readAll(io.in));
  const state = stateIn(url.trim());
  await using ledger = await reachLedger(flags.ledger, { signal: io.signal });
  const owner = flags.by ?? `latchkey finish ${process.pid}`;
  await using claim = await claimBy(state, { ledger, owner }, io);
  // The inbox binds a sign-in to the browser that began it: a stranger who was sent the link must not put their account under it.
  if (await isBoundToBrowser(claim))
    throw new Stop(exit.refused, "it began in a browser at the inbox, and can be finished in that browser alone");
  const flow = await stashed(claim);
  if (flow?.type !== "code-flow") throw new Stop(exit.nothing, "the sign-in that it belongs to is not there any more");
  const net = { allowHttp: flags["allow-http"] };
  const { id } = claim.entry;
  const done = await withLease(claim, { leaseMs: defaultLeaseMs, signal: io.signal }, (signal) =>
    endCode({ ledger, claim, owner, signal, net }, flow, url.trim()),
  );
  if (flags.json) await printJson(io.out, await ledger.get(id));
  else await print(io.out, [`${shortId(id)} ${done.fate}`, ...told(done.fields?.account)].join("  "));
  if (done.fate !== "declined") return undefined;
  await print(io.err, oneLine(done.reason ?? ""));
  return exit.done;
}

const told = (account: string | number | undefined): string[] =>
  account === undefined ? [] : [`as ${oneLine(String(account))}`];

/** The `state` of a callback URL, by which its sign-in is found. */
function stateIn(url: string): string {
  const parsed = URL.canParse(url, "http://127.0.0.1") ? new URL(url, "http://127.0.0.1") : undefined;
  const state = parsed?.searchParams.get("state");
  if (!state) throw new Stop(exit.invalid, 'it has no "state": give the whole address that the browser ended on');
  return state;
}

/** How much longer than a lease is waited: the clocks of this machine and of the database may differ a little. */
const graceMs = 1000;

/**
 * Claims what waits for this sign-in. A process that began it and was killed still has the claim for a moment: that is waited for. One that
 * lives and prolongs its lease is not disturbed.
 */
async function claimBy(tag: string, { ledger, owner }: { ledger: Ledger; owner: string }, io: Io): Promise<Claim> {
  const lease = { owner, leaseMs: defaultLeaseMs, signal: io.signal };
  const now = await ledger.claim({ tag }, { ...lease, waitMs: 0 });
  if (now !== undefined) return now;
  const worked = await claimed(ledger);
  const last = worked.reduce((most, { claim }) => Math.max(most, claim?.until.getTime() ?? 0), 0);
  if (worked.length > 0) {
    using _ = progress(io.err, `waits for ${oneLine(worked[0]?.claim?.owner ?? "")}`);
    const later = await ledger.claim({ tag }, { ...lease, waitMs: Math.max(0, last - Date.now()) + graceMs });
    if (later !== undefined) return later;
  }
  const alive = await claimed(ledger);
  if (alive.length === 0)
    throw new Stop(exit.nothing, "no sign-in waits for it: it was answered or cancelled, or began with another ledger");
  const owners = [...new Set(alive.map(({ claim }) => oneLine(claim?.owner ?? "")))].join(", ");
  throw new Stop(
    exit.refused,
    `no sign-in that nobody works on waits for it; ${owners} may: paste it there, or end that and try again`,
  );
}

/** Open requests for tokens that somebody works on. */
async function claimed(ledger: Ledger): Promise<Entry[]> {
  const found: Entry[] = [];
  for await (const entry of allEntries(ledger, { state: "open", kind: "mcp.oauth_required" }))
    if (entry.claim !== undefined && entry.claim.until.getTime() > Date.now()) found.push(entry);
  return found;
}
