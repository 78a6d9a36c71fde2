import { spanOf } from "../base/amounts.js";
import type { LedgerAccess } from "./access.js";
import type { DeliveryOptions } from "./contract.js";
import { HeldDelivery } from "./held-delivery.js";
import { deliverable, markSent } from "./rules/deliver.js";
import { unsealGiven } from "./unseal.js";

/** Unseals the answer of an entry, marks it `sent` and hands it out. */
export async function deliver(
  ledger: LedgerAccess,
  id: string,
  { owner, leaseMs = 10_000, wanted }: DeliveryOptions,
): Promise<HeldDelivery | undefined> {
  spanOf(leaseMs, "leaseMs");
  const found = await ledger.engine.read(() => deliverable(id, ledger.keyring.principal));
  if (found === undefined) return undefined;
  // Unsealed before the entry is marked: a wrong key must not leave it in doubt.
  const [still, value] = await Promise.allSettled([
    wanted?.() ?? true,
    unsealGiven(ledger.keyring, found.entry, found.answer),
  ]);
  if (still.status === "rejected") throw still.reason;
  if (!still.value) return undefined;
  if (value.status === "rejected") throw value.reason;
  const lease = { owner, leaseMs };
  const sent = await ledger.write("sent", () => markSent(found, lease));
  return sent && new HeldDelivery(ledger, { ...sent, answer: value.value, ...lease });
}
