/** What is kept for a principal, a server and a client: how it is taken and listed. The rules are in `rules/grant.ts`. */
import { randomUUID } from "node:crypto";
import { countOf, spanOf, waitOf } from "../base/amounts.js";
import type { PendingRequest } from "../pending/index.js";
import { grantOf } from "../pending/internal.js";
import type { LedgerAccess } from "./access.js";
import type { GrantFilter, GrantOptions, GrantPage } from "./contract/grants.js";
import type { Row, Rule } from "./engine/engine.js";
import { listedGrant, openGrant } from "./grant-rows.js";
import { HeldGrant } from "./held-grant.js";
import type { Lease } from "./rules/claim.js";
import { cursorOf } from "./rules/find.js";
import * as rules from "./rules/grant.js";
import { held, type Wanted } from "./rules/grant-row.js";
import { keptRow, listGrants } from "./rules/grants.js";
import { type Attempt, whenFree } from "./waiting.js";

const defaultLeaseMs = 60_000;
/** Longer than one request to a token endpoint may take. */
const defaultWaitMs = 30_000;

/** What a request needs a grant for. @throws TypeError for a kind that needs none. */
export function wantedBy(request: PendingRequest, claim: Wanted["claim"]): Wanted {
  const parts = grantOf(request);
  if (parts === undefined) throw new TypeError(`nothing is kept for requests of "${request.kind}"`);
  const { principal, sessionId } = request;
  const session = principal === undefined ? sessionId : undefined;
  return { ...parts, id: randomUUID(), principal, sessionId: session, claim };
}

/** Takes what a claim's request needs, or waits until it is free. */
export async function holdFor(
  ledger: LedgerAccess,
  wanted: Wanted,
  options: GrantOptions & { readonly owner: string },
): Promise<HeldGrant> {
  return await hold(ledger, options, {
    name: wanted.key,
    take: (lease) => rules.take(wanted, lease),
    leftMs: () => ledger.engine.read(() => rules.untilFree(wanted)),
  });
}

/** What a claim's request needs, where it is kept and nobody is spending it. */
export async function keptFor(ledger: LedgerAccess, wanted: Wanted): Promise<unknown> {
  const row = await ledger.engine.read(() => keptRow(wanted));
  return row && (await openGrant(ledger.keyring, row));
}

/** Takes a grant that is known by its id. */
export async function holdKnown(
  ledger: LedgerAccess,
  id: string,
  options: GrantOptions & { readonly owner: string },
): Promise<HeldGrant> {
  const only = ledger.keyring.principal;
  return await hold(ledger, options, { name: id, take: (lease) => rules.takeKnown(id, only, lease) });
}

interface Way {
  /** What is the same for all who want it. */
  readonly name: string;
  take(lease: Lease): Rule<rules.Taken>;
  /** How long it is somebody else's, in a look that locks nothing. */
  leftMs?(): Promise<number | undefined>;
}

async function hold(
  ledger: LedgerAccess,
  { owner, leaseMs = defaultLeaseMs, waitMs = defaultWaitMs, signal }: GrantOptions & { readonly owner: string },
  way: Way,
): Promise<HeldGrant> {
  if (typeof owner !== "string" || owner === "") throw new TypeError('"owner" must say who holds it');
  const lease = { owner, leaseMs: spanOf(leaseMs, "leaseMs") };
  let busy: Row | undefined;
  const attempt = async (): Promise<Attempt<rules.Taken>> => {
    signal?.throwIfAborted();
    // Many may wait for one grant: who looks again looks first.
    const lookedMs = busy && (await way.leftMs?.());
    if (lookedMs !== undefined) return { leftMs: async () => lookedMs };
    const taken = await ledger.write("hold", () => way.take(lease));
    if (taken.isOurs) return { done: taken };
    busy = taken.row;
    return { leftMs: async () => taken.leftMs };
  };
  const deadline = performance.now() + waitOf(waitMs, "waitMs");
  const endTurn = await ledger.turns.take(way.name, waitMs, signal);
  try {
    const restMs = Math.max(0, deadline - performance.now());
    const taken = await whenFree(ledger.changes, { waitMs: restMs, signal }, attempt);
    if (taken !== undefined) return await HeldGrant.of(ledger, taken.row, lease);
    throw held(busy ?? {});
  } finally {
    endTurn();
  }
}

export async function listed(ledger: LedgerAccess, filter: GrantFilter): Promise<GrantPage> {
  const limit = countOf(filter.limit ?? 1000, "limit");
  const found = await ledger.engine.read(() => listGrants(filter, ledger.keyring.principal, limit));
  const page: GrantPage = found.slice(0, limit).map(listedGrant);
  const last = found[limit - 1];
  if (found.length > limit && last !== undefined) page.next = cursorOf(last);
  return page;
}
