/**
 * The states of an entry and the only moves between them.
 *
 *   open        nobody has answered it
 *   answered    an answer is on disk, not yet given to the runtime
 *   sent        marked before it is written to the wire; until a reply is seen it is in doubt
 *   settled     over; `outcome` says how. Open again when the runtime forgot an answer that was not given here
 *   lost        the load of the session that asked is gone; the question may come again under another request id
 *   superseded  it did come again; `successor` is the entry to look at
 *   expired     its time ran out before anybody answered. Readers show it at once; whoever writes next makes the move
 *   cancelled   the host does not want an answer any more
 *
 * Invariants, each held inside one transaction:
 *   - A move happens once and writes one receipt. A row is only moved from the state that the move names.
 *   - At most one live claim is on a credential. A fence is drawn from one counter of the whole ledger, so it only grows.
 *   - An entry becomes `answered` together with the answer that it points to, and `sent` before anything is written.
 *   - An answer is attached only to entries of its own credential.
 */
export const moves = {
  open: ["answered", "settled", "lost", "expired", "cancelled"],
  answered: ["sent", "settled", "lost", "cancelled"],
  sent: ["settled"],
  lost: ["superseded", "settled", "cancelled"],
  settled: ["open"],
  superseded: [],
  expired: [],
  cancelled: [],
} as const satisfies Record<string, readonly string[]>;

/** The state of an entry: see `moves`. */
export type State = keyof typeof moves;

/** All states. */
export const states = Object.keys(moves) as readonly State[];

/**
 * How a settled entry ended.
 * - `accepted`: the runtime took the answer.
 * - `accepted-before`: it had taken the same answer already, before a crash of ours.
 * - `elsewhere`: it was completed though this ledger sent nothing.
 * - `conflict`: it took another answer than ours.
 * - `expired`: it had given the request up by itself.
 * - `superseded`: it had asked again in the meantime.
 * - `seeded`: it was lost, and the session was loaded anew with its answer, so that nobody asks again.
 * - `unknown`: it does not wait for this request, and nobody can tell why.
 */
export const outcomes = [
  "accepted",
  "accepted-before",
  "elsewhere",
  "conflict",
  "expired",
  "superseded",
  "seeded",
  "unknown",
] as const;

/** How a settled entry ended: see `outcomes`. */
export type Outcome = (typeof outcomes)[number];

/** States in which an entry may be pruned: nobody has to do anything about it. */
export const prunable: readonly State[] = ["settled", "lost", "superseded", "expired", "cancelled"];
