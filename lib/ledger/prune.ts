import type { PruneOptions } from "./contract.js";
import { now, type Rule, rows, text } from "./engine.js";
import { finalStates } from "./states.js";

const over = [...finalStates, "lost"].map((state) => `'${state}'`).join(", ");

/**
 * Removes one portion of what is over, so that a large clean-up does not hold the writers up. Fences come from a counter
 * of the whole ledger, so a credential that is forgotten and comes back does not start again.
 */
export function* prune(options: PruneOptions, portion: number): Rule<{ entries: number; receipts: number }> {
  const at = yield* now();
  const gone = yield* rows(
    `DELETE FROM @entries WHERE id IN (SELECT id FROM @entries WHERE state IN (${over}) AND updated_at <= ? LIMIT ?)
     AND state IN (${over}) RETURNING id, intent, credential`,
    at - options.entriesMs,
    portion,
  );
  for (const name of new Set(gone.map((row) => text(row.intent)))) {
    yield* rows(
      `DELETE FROM @given WHERE intent = ? AND NOT EXISTS (SELECT 1 FROM @entries e WHERE e.intent = @given.intent)`,
      name,
    );
  }
  for (const name of new Set(gone.map((row) => text(row.credential)))) {
    yield { lock: name };
    yield* rows(
      `DELETE FROM @answers WHERE credential = ? AND (refused_at IS NOT NULL OR shared = 0 OR expires_at <= ?)
       AND NOT EXISTS (SELECT 1 FROM @entries e WHERE e.answer = @answers.id)`,
      name,
      at,
    );
    yield* rows(
      `DELETE FROM @credentials WHERE credential = ? AND lease_until <= ?
       AND NOT EXISTS (SELECT 1 FROM @entries e WHERE e.credential = @credentials.credential)
       AND NOT EXISTS (SELECT 1 FROM @answers a WHERE a.credential = @credentials.credential)`,
      name,
      at,
    );
  }
  if (options.receiptsMs === undefined) return { entries: gone.length, receipts: 0 };
  const old = yield* rows(
    `DELETE FROM @receipts WHERE seq IN (SELECT r.seq FROM @receipts r WHERE r.at <= ?
       AND NOT EXISTS (SELECT 1 FROM @entries e WHERE e.id = r.entry) ORDER BY r.seq LIMIT ?) RETURNING seq`,
    at - options.receiptsMs,
    portion,
  );
  return { entries: gone.length, receipts: old.length };
}
