/** What an engine does with the steps of a rule: together, later, last, and for each row. */
import type { Engine, Rule, Step } from "latchkey/ledger";
import { type PostgresOptions, postgresEngine } from "latchkey/ledger/postgres";
import * as assert from "uvu/assert";
import { together } from "../../lib/ledger/engine/engine.js";
import { sqliteEngine } from "../../lib/ledger/engine/sqlite.js";
import { type Far, farFrom } from "../support/ledger/far.js";
import { type PostgresServer, startPostgres } from "../support/ledger/postgres-server.js";
import { rejects, type Suite, suite } from "../support/suite.js";

const ask = (sql: string, ...params: (string | number)[]) => ({ sql, params });
const put = (name: string) => ask("INSERT INTO @meta (name, value) VALUES (?, 1)", name);
const noted = (name: string) =>
  ask(
    "INSERT INTO @meta (name, value) SELECT CAST(? AS TEXT), CAST(? AS BIGINT) {each} ON CONFLICT DO NOTHING",
    name,
    1,
  );
const named = ask("SELECT name FROM @meta WHERE name LIKE ? ORDER BY name", "t-%");

function* steps<T>(all: readonly Step[], result: T): Rule<T> {
  for (const step of all) yield step;
  return result;
}

const names = (engine: Engine): Promise<unknown[]> =>
  engine.read(function* (): Rule<unknown[]> {
    const [found = []] = yield named;
    return found.map(({ name }) => name);
  });

function stepTests(name: string, open: () => Promise<Engine>): Suite {
  const test = suite(`steps of rules on ${name}`);
  let engine: Engine;
  test.before.each(async () => {
    engine = await open();
    await engine.transact("make", () =>
      steps(
        (engine.dialect.own[0] ?? []).map((sql) => ask(sql)),
        undefined,
      ),
    );
  });
  test.after.each(async () => {
    await engine.close();
  });

  test("rows come for each question, in order; what is not waited for is done in its turn", async () => {
    const found = await engine.transact("test", function* (): Rule<unknown[]> {
      const [[lock = {}] = [], before = []] = yield* together({ lock: "a", draw: "fence" }, named);
      assert.equal(yield { later: put("t-1") }, []);
      const [[drawn = {}] = [], after = []] = yield* together({ draw: "fence" }, named);
      assert.ok(Number(lock.now) > 0 && Number(drawn.fence) > Number(lock.fence));
      return [before, after.map((row) => row.name)];
    });
    assert.equal(found, [[], ["t-1"]]);
  });

  test("the rows of the last step are handed over, and the transaction is done", async () => {
    const insert = ask("INSERT INTO @meta (name, value) VALUES (?, ?) RETURNING name", "t-1", 1);
    const found = await engine.transact("test", function* (): Rule<unknown> {
      yield { lock: "a" };
      yield { later: put("t-2") };
      const [[row = {}] = []] = yield { together: [insert], last: true };
      return row.name;
    });
    assert.is(found, "t-1");
    assert.equal(await names(engine), ["t-1", "t-2"]);
  });

  test("an error of what was not waited for, or of the last step, undoes all of it", async () => {
    const twice: Step = { later: put("t-1") };
    const last = { together: [put("t-3")], last: true };
    for (const all of [
      [twice, twice],
      [twice, twice, last],
      [twice, named, twice],
      [{ ...last, together: [put("t-1"), put("t-1")] }],
    ]) {
      const work = engine.transact("test", () => steps([{ lock: "a" }, { later: put("t-2") }, ...all], "done"));
      await rejects(work, { code: "DATABASE" });
      assert.equal(await names(engine), []);
    }
    await engine.transact("test", () => steps([{ lock: "a" }, { later: put("t-4") }], "done"));
    assert.equal(await names(engine), ["t-4"]);
  });

  test("a rule that refuses undoes what it has written", async () => {
    const work = engine.transact("test", function* (): Rule<void> {
      yield { lock: "a" };
      yield { later: put("t-1") };
      throw new TypeError("refused");
    });
    await rejects(work, { message: /^refused$/ });
    assert.equal(await names(engine), []);
  });

  test("what is asked for each row is done for each row, and not without one", async () => {
    const update = ask("UPDATE @meta SET value = 2 WHERE name = ? RETURNING name", "t-1");
    const both = { ...update, each: [noted("t-2"), noted("t-3")] };
    await engine.transact("test", () => steps([{ lock: "a" }, both], undefined));
    assert.equal(await names(engine), []);
    await engine.transact("test", () => steps([{ lock: "a" }, { later: put("t-1") }, { later: both }], undefined));
    assert.equal(await names(engine), ["t-1", "t-2", "t-3"]);
  });

  test("a rule that goes on after its last step is a mistake", async () => {
    const last = { together: [named], last: true };
    const work = engine.transact("test", () => steps([{ lock: "a" }, last, named], undefined));
    await rejects(work, { message: /after its last step/ });
  });

  return test;
}

stepTests("SQLite", () => sqliteEngine(":memory:"));

let server: PostgresServer;
let far: Far;
const test = stepTests("PostgreSQL", async () => await postgresEngine(await server.location()));
test.before(async () => {
  server = await startPostgres();
  far = await farFrom(server.port);
});
test.after(async () => {
  far[Symbol.dispose]();
  await server[Symbol.asyncDispose]();
});

/** From far away. */
async function open(options: PostgresOptions = {}): Promise<Engine> {
  const engine = await postgresEngine(far.url(await server.location()), options);
  await engine.transact("make", () =>
    steps(
      (engine.dialect.own[0] ?? []).map((sql) => ask(sql)),
      undefined,
    ),
  );
  return engine;
}

const work: readonly Step[] = [
  { together: [{ lock: "a" }, named] },
  { later: put("t-1") },
  { later: put("t-2") },
  { together: [named, named] },
  { later: put("t-3") },
  { together: [put("t-4"), named], last: true },
];

test("each step that is waited for is a round trip; BEGIN and COMMIT are none", async () => {
  const engine = await open();
  const clean = ask("DELETE FROM @meta WHERE name LIKE ?", "t-%");
  for (let i = 0; i < 2; i++)
    await engine.transact("test", () => steps([{ lock: "a" }, clean, ...work.slice(1)], undefined));
  await engine.transact("test", () => steps([{ lock: "a" }, clean], undefined));
  far.waits();
  await engine.transact("test", () => steps(work, undefined));
  assert.is(far.waits(), 3);
  await engine.transact("test", () => steps([{ together: [{ lock: "a" }, clean] }], undefined));
  assert.is(far.waits(), 2);
  await engine.close();
});

test("what is left of a transaction whose connection breaks is never sent over another one", async () => {
  const engine = await open();
  for (const text of ["t-1", "t-3", "t-4", "commit"]) {
    far.cutAt(text);
    const cut = engine.transact("test", () => steps(work, undefined));
    // Something for another connection to do, at once.
    const beside = names(engine).catch(() => undefined);
    await rejects(cut, { code: "UNAVAILABLE" });
    await beside;
    far.cutAt(undefined);
    assert.equal(await names(engine), [], text);
  }
  await engine.close();
});

test("a client that holds statements back does not connect again to send them", async () => {
  const engine = await open({ max: 1 });
  const before = far.connections;
  // Nothing is prepared on the connection yet, so the client sends one statement after the other by itself.
  far.cutAt("t-1");
  await rejects(
    engine.transact("test", () => steps(work, undefined)),
    { code: "UNAVAILABLE" },
  );
  far.cutAt(undefined);
  assert.equal(await names(engine), []);
  assert.is(far.connections, before + 1);
  await engine.close();
});
