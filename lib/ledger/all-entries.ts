import type { Entry, Filter, Ledger } from "./contract.js";

/** Every entry of a filter, page after page, from the oldest on. */
export async function* allEntries(ledger: Pick<Ledger, "list">, filter: Filter): AsyncGenerator<Entry> {
  for (let after: string | undefined; ; ) {
    const page = await ledger.list({ ...filter, after });
    yield* page;
    after = page.next;
    if (after === undefined) return;
  }
}
