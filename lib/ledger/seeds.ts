import { hide } from "../base/hide.js";
import type { LedgerAccess } from "./access.js";
import type { Seed } from "./contract.js";
import { number, text } from "./engine/engine.js";
import { entryOf } from "./rows.js";
import { seedRows, wasGiven } from "./rules/seed.js";
import { unsealAnswer, unsealRequest } from "./unseal.js";

/** What a session can be loaded with, of what this ledger may see. */
export async function seedsOf(
  ledger: LedgerAccess,
  sessionId: string,
  principal: string | null | undefined,
): Promise<Seed[]> {
  const { engine, keyring } = ledger;
  const rows = await engine.read(() => seedRows(sessionId, principal));
  const own = rows.filter(({ entry }) => keyring.principal === undefined || entry.principal === keyring.principal);
  return await Promise.all(
    own.map(async ({ entry, answer }) => {
      const seed = {
        entry: entryOf(entry),
        request: await unsealRequest(keyring, entry),
        ...(answer.expires_at != null && { expiresAt: new Date(number(answer.expires_at)) }),
        given: async (epoch?: string) => {
          await ledger.write("seed", () => wasGiven(entry, text(answer.id), epoch));
        },
      };
      hide(seed, "answer", await unsealAnswer(keyring, entry, answer));
      return seed;
    }),
  );
}
