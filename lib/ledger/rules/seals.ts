import { later, query, type Rule, rows, type Statement, text, textOr } from "../engine/engine.js";
import type { Keyring, KnownKey, Proof } from "../seal/keyring.js";

/** None while the ledger is new. A broker's role sees the ledger's own and its principal's. */
export function* knownKeys(): Rule<KnownKey[]> {
  return (yield* rows("SELECT kid, principal FROM @seals")).map((row) => ({
    kid: text(row.kid),
    principal: textOr(row.principal),
  }));
}

/** Notes a new first key, unless somebody made the ledger with another one meanwhile: `refuse` is asked under the lock. */
export function* acceptKey(proof: Proof, refuse: (known: readonly KnownKey[]) => void): Rule<void> {
  yield { lock: "seals" };
  refuse(yield* knownKeys());
  yield* later(noteKey(proof));
}

export const noteKey = ({ kid, principal, proof }: Proof): Statement =>
  query(
    "INSERT INTO @seals (kid, principal, proof) VALUES (?, ?, ?) ON CONFLICT (kid) DO NOTHING",
    kid,
    principal ?? null,
    proof,
  );

/** Whether the ledger was sealed with one of the keys for their principal; nothing while it was not sealed for that at all. */
export function isKnown(keyring: Keyring, known: readonly KnownKey[]): boolean | undefined {
  const same = known.filter(({ principal }) => principal === keyring.principal);
  return same.length === 0 ? undefined : same.some(({ kid }) => keyring.has(kid));
}
