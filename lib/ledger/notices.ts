import { spanOf } from "../base/amounts.js";
import { redactText } from "../base/redact.js";
import type { LedgerAccess } from "./access.js";
import type { Notice, NoticeOptions } from "./contract/notices.js";
import { noteNotice, takeNotice } from "./rules/notice.js";

const defaultLeaseMs = 60_000;

/** A receipt's reason begins with it, where anything that looks like a secret is hidden. */
function checkName(name: unknown): string {
  if (typeof name === "string" && /^[\w.@-]{1,64}$/.test(name) && redactText(name) === name) return name;
  throw new TypeError('"name" must be 1 to 64 letters, digits, dots, dashes, underscores or @');
}

export async function notice(
  ledger: LedgerAccess,
  id: string,
  { name, by, leaseMs = defaultLeaseMs }: NoticeOptions,
): Promise<Notice> {
  const draft = { id, name: checkName(name), by, leaseMs: spanOf(leaseMs, "leaseMs") };
  const taken = await ledger.write("notice", () => takeNotice(draft));
  if (taken.state !== "ours") return taken;
  return {
    ...taken,
    told: () => ledger.write("told", () => noteNotice(draft, "told")),
    failed: (reason) => ledger.write("told", () => noteNotice(draft, "not-told", reason)),
  };
}
