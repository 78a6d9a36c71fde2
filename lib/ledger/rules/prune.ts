import type { PruneOptions } from "../contract.js";
import { now, type Row, type Rule, rows, text } from "../engine/engine.js";

/**
 * Deletes one portion, so that a large clean-up does not hold up the writers. Fences come from a counter
 * of the whole ledger, so a credential that is forgotten and comes back does not start again.
 */
export function* prune(options: PruneOptions, portion: number): Rule<{ entries: number; receipts: number }> {
  const at = yield* now();
  const found = yield* rows(
    `SELECT id, intent, credential FROM @entries WHERE over_at <= ? ORDER BY over_at LIMIT ?`,
    at - options.entriesMs,
    portion,
  );
  const entries = found.length === 0 ? 0 : yield* forget(found, at, portion);
  if (options.receiptsMs === undefined) return { entries, receipts: 0 };
  const old = yield* rows(
    `DELETE FROM @receipts WHERE seq IN (SELECT r.seq FROM @receipts r WHERE r.at <= ?
       AND NOT EXISTS (SELECT 1 FROM @entries e WHERE e.id = r.entry)
       AND NOT EXISTS (SELECT 1 FROM @grants g WHERE g.id = r.entry) ORDER BY r.at LIMIT ?) RETURNING seq`,
    at - options.receiptsMs,
    portion * 4,
  );
  return { entries, receipts: old.length };
}

/** Takes the locks first: a `record` for one of these credentials finds all of its rows or none. */
function* forget(found: readonly Row[], at: number, portion: number): Rule<number> {
  const among = (column: string): string[] => {
    const names = [...new Set(found.map((row) => text(row[column])))];
    // One length, and so one prepared statement, whatever was found.
    return [...names, ...Array.from({ length: portion - names.length }, () => names[0] ?? "")];
  };
  const list = Array.from({ length: portion }, () => "?").join(", ");
  const credentials = among("credential");
  yield { lock: [...new Set(credentials)] };
  const gone = yield* rows(
    `DELETE FROM @entries WHERE id IN (${list}) AND over_at IS NOT NULL RETURNING id`,
    ...among("id"),
  );
  yield* rows(
    `DELETE FROM @given WHERE intent IN (${list})
     AND NOT EXISTS (SELECT 1 FROM @entries e WHERE e.intent = @given.intent)`,
    ...among("intent"),
  );
  yield* rows(
    `DELETE FROM @answers WHERE credential IN (${list}) AND (refused_at IS NOT NULL OR shared = 0 OR expires_at <= ?)
     AND NOT EXISTS (SELECT 1 FROM @entries e WHERE e.credential = @answers.credential AND e.answer = @answers.id)`,
    ...credentials,
    at,
  );
  yield* rows(
    `DELETE FROM @credentials WHERE credential IN (${list}) AND lease_until <= ?
     AND NOT EXISTS (SELECT 1 FROM @entries e WHERE e.credential = @credentials.credential)
     AND NOT EXISTS (SELECT 1 FROM @answers a WHERE a.credential = @credentials.credential)`,
    ...credentials,
    at,
  );
  return gone.length;
}
