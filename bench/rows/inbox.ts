import { serveInbox } from "latchkey/inbox";
import { openLedger } from "latchkey/ledger";
import { enter } from "../../tests/support/inbox/visit.js";
import { key, sqlitePlace } from "../../tests/support/ledger/place.js";
import { permissionRequest } from "../../tests/support/ledger/requests.js";
import { type Measured, measured } from "../numbers.js";
import type { Row } from "../table.js";
import type { Scale } from "./round.js";

/** The limit that a page is to keep, in milliseconds. */
const limit = 50;

/** Pages of the inbox over loopback, each on a connection of its own, with nothing and with thousands of requests that wait. */
export async function inboxRows({ size }: Scale): Promise<Row[]> {
  const [calls, most] = [Math.round(100 * size), Math.round(10_000 * size)];
  await using place = await sqlitePlace();
  await using ledger = await openLedger(await place.location(), { key });
  await using inbox = await serveInbox(ledger);
  const visitor = await enter(inbox);
  const time = async (path: string): Promise<Measured> => {
    const took: number[] = [];
    for (let index = 0; index < calls + 5; index++) {
      const began = performance.now();
      const { status } = await visitor.get(path);
      took.push(performance.now() - began);
      if (status !== 200) throw new Error(`${path}: ${status}`);
    }
    // The first ones compile the code.
    return measured(took.slice(5));
  };
  const figures: Record<string, Measured> = { "the list, nothing waits": await time("/") };
  let last = "";
  for (let index = 0; index < most; index++) last = (await ledger.record(permissionRequest())).id;
  const of = most.toLocaleString("en");
  figures[`the list, its first 50 of ${of}`] = await time("/");
  figures[`one request of ${of}`] = await time(`/entries/${last}`);
  const targets = Object.entries(figures).map(([what, { value }]) => ({
    what,
    value,
    limit,
    side: "at most" as const,
  }));
  return [{ group: "The inbox", name: "a page over loopback", unit: "ms", figures, targets }];
}
