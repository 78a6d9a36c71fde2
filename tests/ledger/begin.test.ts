/**
 * A client that takes BEGIN for done although the server never saw it, as happens when a connection breaks at the wrong moment: nothing
 * may run outside a transaction.
 */

import { connect, createServer } from "node:net";
import { openPostgresLedger } from "latchkey/ledger/postgres";
import * as assert from "uvu/assert";
import { key } from "../support/ledger/place.js";
import { startPostgres } from "../support/ledger/postgres-server.js";
import { oauthRequest } from "../support/ledger/requests.js";
import { rejects, suite } from "../support/suite.js";

const test = suite("a BEGIN that is lost");

/** CommandComplete "BEGIN" and ReadyForQuery in a transaction. */
const begun = Buffer.from("C\0\0\0\nBEGIN\0Z\0\0\0\x05T", "latin1");

/** Stands before a server and, while told to, answers BEGIN itself. */
async function standBefore(port: number): Promise<{ port: number; swallow: boolean; swallowed: number } & Disposable> {
  const server = createServer((client) => {
    const upstream = connect(port, "127.0.0.1");
    for (const socket of [client, upstream]) socket.on("error", () => undefined);
    upstream.pipe(client);
    client.on("close", () => upstream.destroy());
    client.on("data", (chunk: Buffer) => {
      if (found.swallow && chunk.toString("latin1", 5).startsWith("begin")) {
        found.swallowed++;
        client.write(begun);
      } else upstream.write(chunk);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const found = {
    port: typeof address === "object" && address !== null ? address.port : 0,
    swallow: false,
    swallowed: 0,
    [Symbol.dispose]: () => void server.close(),
  };
  return found;
}

test("the call says UNAVAILABLE or tries again, and what it wrote is not there", async () => {
  await using server = await startPostgres();
  const url = new URL(await server.location());
  using before = await standBefore(Number(url.port));
  url.port = String(before.port);
  await using ledger = await openPostgresLedger(url.href, { key, timeoutMs: 5000 });
  await using direct = await openPostgresLedger(url.href, { key, timeoutMs: 5000 });
  before.swallow = true;
  await rejects(ledger.record(oauthRequest({ sessionId: "s" })), { code: "UNAVAILABLE" });
  assert.ok(before.swallowed > 0);
  before.swallow = false;
  assert.equal([...(await direct.list())], []);
  const { id } = await ledger.record(oauthRequest({ sessionId: "s" }));
  assert.is((await direct.get(id))?.state, "open");
});
