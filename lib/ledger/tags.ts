/** A stash is found by its tag. The ledger keeps a digest of it under the principal's key, so that a stranger can neither read nor make one. */
import type { LedgerAccess } from "./access.js";
import { text, textOr } from "./engine/engine.js";
import { allTags, type Tagged } from "./rules/claim.js";
import { isSame } from "./seal/keyring.js";

/** @throws TypeError when it is no text, or empty. */
export function checkTag(tag: unknown): string {
  if (typeof tag !== "string" || tag === "") throw new TypeError('"tag" must be a text that is not empty');
  return tag;
}

/** What stands for a tag in this ledger. With the ledger's own key it may be any principal's, so all that are there are compared. */
export async function tagged({ engine, keyring }: LedgerAccess, tag: string): Promise<Tagged[]> {
  const { principal } = keyring;
  if (principal !== undefined) return keyring.tags(principal, tag).map((digest) => ({ principal, digest }));
  const known = (await engine.read(allTags)).map((row) => ({
    principal: textOr(row.principal),
    digest: text(row.tag),
  }));
  return known.filter(({ principal: whose, digest }) =>
    keyring.tags(whose, tag).some((expected) => isSame(expected, digest)),
  );
}
