import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { type Ledger, openLedger } from "latchkey/ledger";
import * as assert from "uvu/assert";
import { claimFor } from "../support/ledger/held-grants.js";
import { key, type Place, sqlitePlace } from "../support/ledger/place.js";
import { startPostgres } from "../support/ledger/postgres-server.js";
import { oauthRequest } from "../support/ledger/requests.js";
import { suite, within } from "../support/suite.js";
import { startScript } from "../support/world.js";

const root = dirname(createRequire(import.meta.url).resolve("latchkey/package.json"));
const step = join(root, "build/tests/programs/faulty/grant-step.js");
const leaseMs = 3000;
const kept = { refreshToken: "R1" };
const next = { refreshToken: "R2" };

/** What a refresh leaves behind when it is killed at a point: what is known, what is kept, and how often the refresh token was presented. */
const killed: Record<string, readonly ["kept" | "in-doubt", typeof kept, 0 | 1]> = {
  "hold:before": ["kept", kept, 0],
  "hold:written": ["kept", kept, 0],
  "hold:committed": ["kept", kept, 0],
  "spend:before": ["kept", kept, 0],
  "spend:written": ["kept", kept, 0],
  "spend:committed": ["in-doubt", kept, 0],
  "keep:before": ["in-doubt", kept, 1],
  "keep:written": ["in-doubt", kept, 1],
  "keep:committed": ["kept", next, 1],
  "unhold:before": ["kept", next, 1],
  "unhold:written": ["kept", next, 1],
  "unhold:committed": ["kept", next, 1],
};

for (const engine of ["SQLite", "PostgreSQL"]) {
  const test = suite(`grants on ${engine} and processes that die`, { timeoutMs: 120_000 });
  let place: Place;
  test.before(async () => {
    place = engine === "SQLite" ? await sqlitePlace() : await startPostgres();
  });
  test.after(async () => {
    await place[Symbol.asyncDispose]();
  });

  /** A grant is kept, and a request of its principal waits. */
  async function scenario(run: (at: { ledger: Ledger; location: string; id: string }) => Promise<void>): Promise<void> {
    const location = await place.location();
    await using ledger = await openLedger(location, { key });
    const claim = await claimFor(ledger);
    const held = await claim.grant();
    await held.keep(kept);
    await held.release();
    await claim.release();
    await run({ ledger, location, id: held.id });
  }

  /** The next broker, on another scope. Its state is that of the grant when it took it. */
  async function taken(ledger: Ledger) {
    const claim = await claimFor(ledger, { scope: "mcp.write" });
    return await claim.grant({ waitMs: 30_000 });
  }

  test("kill -9 at every point of a refresh: the state says what is known, and no refresh token is presented twice", async () => {
    await Promise.all(
      Object.entries(killed).map(([point, [state, grant, presented]]) =>
        scenario(async ({ ledger, location, id }) => {
          await using program = startScript(step, {
            given: { location, key, leaseMs },
            env: { LATCHKEY_FAULT: point },
          });
          const exit = await within(60_000, program.exited, `"${point}" to be killed`);
          assert.is(exit.signal, "SIGKILL", `${point} ${program.noise}`);
          assert.is(program.messages.filter(({ type }) => type === "presented").length, presented, point);
          const held = await taken(ledger);
          assert.equal([held.id, held.state, held.grant], [id, state, grant], point);
          // Whoever comes next presents what is kept, and nothing that is in doubt.
          const again = held.state === "kept" && JSON.stringify(held.grant) === JSON.stringify(kept);
          assert.ok(presented + (again ? 1 : 0) <= 1, point);
          const doubts = (await ledger.grantReceipts(id)).filter(({ event }) => event === "in-doubt");
          assert.is(doubts.length, state === "in-doubt" ? 1 : 0, point);
        }),
      ),
    );
  });

  for (const [pauseAt, state] of [
    ["held", "kept"],
    ["spent", "in-doubt"],
    ["presented", "in-doubt"],
  ] as const) {
    test(`a broker that is stopped when it is at "${pauseAt}" until somebody else has its grant wakes to FENCED`, () =>
      scenario(async ({ ledger, location }) => {
        await using program = startScript(step, { given: { location, key, leaseMs: 1500, pauseAt } });
        await within(30_000, program.next("paused"), "the pause");
        program.signal("SIGSTOP");
        const held = await taken(ledger);
        assert.equal([held.state, held.grant], [state, kept]);
        program.signal("SIGCONT");
        program.tell({ type: "go" });
        assert.is((await within(30_000, program.next("done"), "the late verb")).outcome, "FENCED");
        await held.keep(next);
        assert.equal([held.state, held.grant], ["kept", next]);
      }));
  }

  test("a broker that is stopped past its lease, and whose grant nobody took, keeps what it was given", () =>
    scenario(async ({ ledger, location, id }) => {
      await using program = startScript(step, { given: { location, key, leaseMs: 1500, pauseAt: "presented" } });
      await within(30_000, program.next("paused"), "the pause");
      program.signal("SIGSTOP");
      const stateNow = async () => (await ledger.grants({ id }))[0]?.state;
      while ((await stateNow()) !== "in-doubt") await new Promise((resolve) => setTimeout(resolve, 50));
      program.signal("SIGCONT");
      program.tell({ type: "go" });
      assert.is((await within(30_000, program.next("done"), "the late verb")).outcome, "kept");
      assert.is(await stateNow(), "kept");
    }));

  test("brokers that race for one grant, each spending what it finds, present every refresh token once", () =>
    scenario(async ({ ledger }) => {
      const presented: unknown[] = [];
      await Promise.all(
        Array.from({ length: 12 }, async (_, i) => {
          await ledger.record(oauthRequest({ scope: `s${i}` }));
          const claim = await claimFor(ledger, { scope: `t${i}` });
          await using held = await claim.grant({ waitMs: 60_000 });
          await held.spend();
          presented.push(JSON.stringify(held.grant));
          await held.keep({ refreshToken: `next ${i}` });
        }),
      );
      assert.is(new Set(presented).size, 12);
    }));
}
