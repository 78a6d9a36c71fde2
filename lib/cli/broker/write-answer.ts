import { LedgerError, type LedgerErrorCode } from "../../base/errors.js";
import { pause } from "../../base/until.js";
import type { AnswerOptions, Claim, Ledger } from "../../ledger/index.js";
import type { Answer } from "../answers.js";

const lookAgainMs = 250;

const isLedgerError = (error: unknown, code: LedgerErrorCode): boolean =>
  error instanceof LedgerError && error.code === code;

export interface Writing {
  readonly ledger: Ledger;
  readonly claim: Claim;
  readonly owner: string;
  readonly signal: AbortSignal;
}

/**
 * Writes what was obtained into the ledger. A store that is away for a moment, or a claim that ran out without a successor, must not
 * lose it: it would have to be obtained again.
 */
export async function writeAnswer(
  { ledger, claim, owner, signal }: Writing,
  answer: Answer,
  options: AnswerOptions,
): Promise<void> {
  for (;;) {
    try {
      await claim.answer(answer, options);
      return;
    } catch (error) {
      if (isLedgerError(error, "FENCED")) {
        await ledger.answer(claim.entry.id, answer, { by: owner, ...options });
        return;
      }
      if (!isLedgerError(error, "UNAVAILABLE")) throw error;
      await pause(lookAgainMs, signal);
    }
  }
}
