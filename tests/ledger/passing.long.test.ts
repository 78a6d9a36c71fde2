import { deliverAnswers, type Recorder, recordPending } from "latchkey/keeper";
import type { Ledger } from "latchkey/ledger";
import { openPostgresLedger } from "latchkey/ledger/postgres";
import postgres, { type Sql } from "postgres";
import * as assert from "uvu/assert";
import { key } from "../support/ledger/place.js";
import { type PostgresServer, startPostgres } from "../support/ledger/postgres-server.js";
import { oauthRequest, token } from "../support/ledger/requests.js";
import { memoryPair, type Peer, sessionEvent } from "../support/pair.js";
import { suite, within } from "../support/suite.js";

const test = suite("errors of the database that pass, and those that do not");
let server: PostgresServer;
let admin: Sql;
test.before(async () => {
  server = await startPostgres();
  admin = postgres(server.url("postgres"), { max: 1, onnotice: () => undefined });
});
test.after(async () => {
  await admin.end();
  await server[Symbol.asyncDispose]();
});

const asked = (sessionId: string, requestId: string, serverUrl?: string) =>
  sessionEvent(
    sessionId,
    "mcp.oauth_required",
    requestId,
    oauthRequest({ requestId, ...(serverUrl && { serverUrl }) }).data,
  );

/** Resolves once the recorder told of an error with these codes: its own, and the database's. */
async function told(recorder: Recorder, [own, cause]: readonly string[]): Promise<void> {
  const where = ({ error }: { error: unknown }): boolean =>
    codeOf(error) === own && error instanceof Error && codeOf(error.cause) === cause;
  await recorder.events.wait("error", { where, timeoutMs: 20_000 });
}

const codeOf = (error: unknown): unknown => (error instanceof Error && "code" in error ? error.code : undefined);

/** What every connection of the keeper's begins with from now on. */
async function setting(sql: string): Promise<void> {
  await admin.unsafe(`ALTER ROLE keeper ${sql}`);
  await admin`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'keeper'`;
}

/** Holds every table of a ledger until it is let go. */
async function lockAll(schema: string): Promise<() => Promise<void>> {
  const other = postgres(server.url("postgres"), { max: 1, onnotice: () => undefined });
  await other.unsafe(`BEGIN; LOCK TABLE ${schema}.entries, ${schema}.receipts`);
  return async () => {
    await other.unsafe("ROLLBACK");
    await other.end();
  };
}

interface Weather {
  readonly name: string;
  readonly codes: readonly string[];
  begin(schema: string): Promise<() => Promise<void>>;
}

const weathers: readonly Weather[] = [
  {
    name: "read only after a fail-over",
    codes: ["UNAVAILABLE", "25006"],
    async begin() {
      await setting("SET default_transaction_read_only = on");
      // Connections that stand go on being read only, as those to a server that is a standby now.
      return async () => void (await admin.unsafe("ALTER ROLE keeper RESET default_transaction_read_only"));
    },
  },
  {
    name: "a statement takes too long",
    codes: ["UNAVAILABLE", "57014"],
    async begin(schema) {
      await setting("SET statement_timeout = '200ms'");
      const release = await lockAll(schema);
      return async () => {
        await release();
        await admin.unsafe("ALTER ROLE keeper RESET statement_timeout");
      };
    },
  },
  {
    name: "a lock is not to be had",
    codes: ["UNAVAILABLE", "55P03"],
    begin: lockAll,
  },
  {
    name: "a table is away for a while",
    codes: ["DATABASE", "42P01"],
    async begin(schema) {
      await admin.unsafe(`ALTER TABLE ${schema}.entries RENAME TO entries_aside`);
      return async () => void (await admin.unsafe(`ALTER TABLE ${schema}.entries_aside RENAME TO entries`));
    },
  },
  {
    name: "no connection is left",
    codes: ["UNAVAILABLE", "53300"],
    async begin() {
      await setting("CONNECTION LIMIT 0");
      return async () => void (await admin.unsafe("ALTER ROLE keeper CONNECTION LIMIT -1"));
    },
  },
];

/** A ledger whose role is no superuser, as behind any provider. */
async function openKept(name: string): Promise<{ ledger: Ledger; schema: string }> {
  await admin.unsafe(
    `DO $$ BEGIN CREATE ROLE keeper LOGIN PASSWORD 'keeper'; EXCEPTION WHEN duplicate_object THEN NULL; END $$`,
  );
  await admin.unsafe("GRANT CREATE ON DATABASE postgres TO keeper");
  const url = server.url("postgres", { user: "keeper", password: "keeper" });
  return { ledger: await openPostgresLedger(url, { key, schema: name, timeoutMs: 2000 }), schema: name };
}

/** A runtime whose event log has asked for one thing. */
async function serveLog(peer: Peer, sessionId: string, requestId: string): Promise<never> {
  const events = [asked(sessionId, requestId).params.event];
  for (;;) {
    const read = await peer.next("session.eventLog.read");
    peer.answer(read, { events, cursor: "load|1", hasMore: false, cursorStatus: "ok" });
  }
}

weathers.forEach(({ name, codes: expected, begin }, n) => {
  test(
    `${name}: what was asked meanwhile is recorded, and what was answered is delivered`,
    async () => {
      const { ledger, schema } = await openKept(`weather_${n}`);
      await using _ledger = ledger;
      await using broker = await openPostgresLedger(server.url("postgres"), { key, schema });
      const { rpc, peer } = await memoryPair();
      serveLog(peer, "answered", "before").catch(() => undefined);
      await using recorder = recordPending(rpc, ledger, { principal: "ada" });
      await using deliverer = deliverAnswers(rpc, ledger);
      const watched: string[] = [];
      const watching = (async () => {
        for await (const { requestId, state } of ledger.watch()) {
          watched.push(`${requestId} ${state}`);
          if (state === "settled") return;
        }
      })();
      watching.catch(() => undefined);
      const first = recorder.events.wait("recorded", { timeoutMs: 20_000 });
      peer.send(asked("answered", "before", "https://other.example/mcp"));
      const answered = await first;
      const end = await begin(schema);
      const complained = told(recorder, expected);
      peer.send(asked("during", "during"));
      await complained;
      const recorded = recorder.events.wait("recorded", { timeoutMs: 20_000 });
      await end();
      assert.is((await recorded).requestId, "during");
      await recorder.idle();
      // Deliverer and watch have lived through it too.
      const settled = deliverer.events.wait("settled", { timeoutMs: 20_000 });
      await broker.answer(answered.id, token("T"));
      peer.answer(await within(20_000, peer.next("session.mcp.oauth.handlePendingRequest"), "the delivery"), {
        success: true,
      });
      assert.is((await settled).id, answered.id);
      // A watch that looks meanwhile says so and ends, where no time will help; its last cursor is where the next one goes on.
      if (expected[0] === "DATABASE") {
        const end = watching.catch((error: unknown) => assert.is(codeOf(error), "DATABASE"));
        await within(20_000, end, "the watch");
        return;
      }
      await within(20_000, watching, "the watch");
      assert.equal([...watched].sort(), [
        "before answered",
        "before open",
        "before sent",
        "before settled",
        "during open",
      ]);
      await rpc.close();
    },
    { timeoutMs: 60_000 },
  );
});
