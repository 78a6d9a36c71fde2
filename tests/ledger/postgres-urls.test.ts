import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { inspect } from "node:util";
import { openPostgresLedger } from "latchkey/ledger/postgres";
import postgres from "postgres";
import * as assert from "uvu/assert";
import { brokerGrants } from "../support/ledger/grants.js";
import { key } from "../support/ledger/place.js";
import { type PostgresServer, startPostgres } from "../support/ledger/postgres-server.js";
import { oauthRequest } from "../support/ledger/requests.js";
import { rejects, suite, within } from "../support/suite.js";

const test = suite("PostgreSQL URLs as providers print them, and who else is on the server");
let server: PostgresServer;
test.before(async () => {
  server = await startPostgres();
});
test.after(async () => {
  await server[Symbol.asyncDispose]();
});

interface StandIn extends AsyncDisposable {
  readonly port: number;
  /** The start-up parameters that came, and the first bytes of TLS. */
  readonly startups: Record<string, string>[];
  readonly hellos: Buffer[];
}

/** Says that it speaks TLS, and reads one record of it; refuses who comes without. */
async function standIn(host = "127.0.0.1"): Promise<StandIn> {
  const startups: Record<string, string>[] = [];
  const hellos: Buffer[] = [];
  const refused = Buffer.from("SFATAL\0C28000\0Mrefused\0\0");
  const head = Buffer.alloc(5);
  head.write("E");
  head.writeInt32BE(refused.length + 4, 1);
  const listening: Server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", (first) => {
      if (first.length === 8) {
        socket.once("data", (hello) => {
          hellos.push(hello);
          socket.destroy();
        });
        socket.write("S");
        return;
      }
      const words = first.subarray(8).toString().split("\0");
      const pairs = words.flatMap((word, i) => (i % 2 === 0 && word !== "" ? [[word, words[i + 1] ?? ""]] : []));
      startups.push(Object.fromEntries(pairs));
      socket.end(Buffer.concat([head, refused]));
    });
  }).listen(0, host);
  await once(listening, "listening");
  const address = listening.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    port: address.port,
    startups,
    hellos,
    [Symbol.asyncDispose]: async () => void listening.close(),
  };
}

const open = (url: string) => openPostgresLedger(url, { key, timeoutMs: 2000 });

test("TLS asks for the server by its name", async () => {
  await using peer = await standIn("localhost");
  await rejects(open(`postgres://u:p@localhost:${peer.port}/db?sslmode=require`), { name: "LedgerError" });
  assert.ok(peer.hellos[0]?.includes("localhost"), "no name in the handshake");
});

test("several hosts are tried in turn, IPv6 too; a password may hold what a URL parser trips over", async () => {
  await using peer = await standIn("::1");
  for (const url of [
    `postgres://u:hunter2@localhost:1,[::1]:${peer.port}/db`,
    `postgres://u:hunter#2@[::1]:${peer.port}/db`,
    `postgres://u:hunter2@/db?host=localhost,::1&port=1,${peer.port}`,
  ]) {
    const before = peer.startups.length;
    const error = await open(url).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    assert.match(String(error), /refused \(28000\)/, url);
    assert.not.match(inspect(error, { showHidden: true, depth: 9 }), /hunter/);
    assert.is(peer.startups.length, before + 1);
  }
});

test("a URL that is none says so without a word of it", async () => {
  for (const url of [
    "postgres://u:hunter2@host:port/db",
    "postgres://u:hunter%zz@host/db",
    "postgres://u:hunter2@host/db?sslmode=perhaps",
    "postgres://u:hunter2@a,b/db?target_session_attrs=standby",
  ]) {
    const error = await open(url).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof TypeError, url);
    assert.not.match(inspect(error, { showHidden: true, depth: 9 }), /hunter/);
  }
});

test("nothing is sent at start-up that a pooler refuses, and no word that is another client's", async () => {
  await using peer = await standIn();
  const base = `postgres://u:p@127.0.0.1:${peer.port}/db`;
  const words = [
    "",
    "?channel_binding=require",
    "?pgbouncer=true&connection_limit=1",
    "?supa=base-pooler.x&pool_timeout=10",
  ];
  for (const query of words) await rejects(open(base + query), { code: "DATABASE" });
  const expected = { user: "u", database: "db", client_encoding: "UTF8", application_name: "latchkey" };
  assert.equal(
    peer.startups,
    words.map(() => expected),
  );
});

test("a server that hangs up at once is UNAVAILABLE, not waited for without end", async () => {
  let connections = 0;
  const rude = createServer((socket) => {
    connections++;
    socket.end();
  }).listen(0, "127.0.0.1");
  await once(rude, "listening");
  const address = rude.address();
  const port = typeof address === "object" ? address?.port : 0;
  await within(5000, rejects(open(`postgres://u:p@127.0.0.1:${port}/db`), { code: "UNAVAILABLE" }), "the refusal");
  assert.is(connections, 1);
  rude.close();
});

test(
  "a lock that a broker's role takes and keeps cannot stop the keeper",
  async () => {
    const admin = postgres(server.url("postgres"), { max: 1, onnotice: () => undefined });
    await admin.unsafe("CREATE ROLE own_keeper LOGIN PASSWORD 'k'; GRANT CREATE ON DATABASE postgres TO own_keeper");
    const url = server.url("postgres", { user: "own_keeper", password: "k" });
    await using keeper = await openPostgresLedger(url, { key, schema: "locked", timeoutMs: 2000 });
    await keeper.record(oauthRequest());
    await admin.unsafe(brokerGrants({ schema: "locked", role: "hostile", principal: "eve", password: "h" }));
    await admin.unsafe("GRANT hostile TO own_keeper");
    const hostile = postgres(server.url("postgres", { user: "hostile", password: "h" }), { max: 1 });
    // Every lock that the keeper's transactions take, as anybody may read it.
    const spy = postgres(server.url("postgres"), { max: 1 });
    const [place] =
      await spy`SELECT substring(prosrc FROM 'lock\\((-?\\d+)\\)') AS number FROM pg_proc WHERE proname = 'number_receipt'`;
    await hostile.unsafe(`BEGIN; SELECT pg_advisory_xact_lock(${place?.number})`).catch(() => undefined);
    const { id } = await within(10_000, keeper.record(oauthRequest({ serverName: "other" })), "the record");
    assert.is((await keeper.get(id))?.state, "open");
    for (const client of [hostile, spy, admin]) await client.end({ timeout: 0 });
  },
  { timeoutMs: 40_000 },
);
