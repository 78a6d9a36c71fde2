import { LedgerError } from "../base/errors.js";
import type { AnswerOf, Checked, KindName, PendingRequest } from "../pending/index.js";
import { checkAnswer } from "../pending/internal.js";
import { type Row, text, textOr } from "./engine/engine.js";
import { entryOf, requestOf } from "./rows.js";
import { refuseStray } from "./rules/pointer.js";
import type { Keyring } from "./seal/keyring.js";
import { answerPlace, entryPlace } from "./seal/place.js";

/** An entry with its secrets, as it was recorded. */
export async function unsealRequest(keyring: Keyring, row: Row): Promise<PendingRequest> {
  return requestOf(row, await keyring.open(entryPlace(row), text(row.sealed)));
}

/** Opens the seals of entries, so that what is handed out of them is what was recorded. */
export async function proveEntries(keyring: Keyring, rows: readonly Row[]): Promise<void> {
  for (const row of rows) await keyring.open(entryPlace(row), text(row.sealed));
}

/** An answer for an entry: both as they were sealed, and of one principal and credential. */
export async function unsealAnswer(keyring: Keyring, entry: Row, answer: Row): Promise<Checked<AnswerOf<KindName>>> {
  refuseStray(entry, answer);
  await proveEntries(keyring, [entry]);
  return await openAnswer(keyring, entry, answer);
}

/** The answer that an entry was given: nobody but who has the principal's key could point the entry to it. */
export async function unsealGiven(keyring: Keyring, entry: Row, answer: Row): Promise<Checked<AnswerOf<KindName>>> {
  refuseStray(entry, answer);
  const { bound } = await keyring.unseal(entryPlace(entry), text(entry.sealed));
  const mac = textOr(entry.answer_mac);
  const ids = [text(entry.id), text(answer.id)];
  // Entries of format 1 were given answers without a proof.
  const isGiven = mac === undefined ? !bound : keyring.isMark(mac, "attachment", textOr(entry.principal), ids);
  if (!isGiven) throw new LedgerError("CORRUPT", "the entry was never given the answer that it points to");
  return await openAnswer(keyring, entry, answer);
}

async function openAnswer(keyring: Keyring, entry: Row, answer: Row): Promise<Checked<AnswerOf<KindName>>> {
  return checkAnswer(entryOf(entry), await keyring.open(answerPlace(answer), text(answer.sealed)));
}
