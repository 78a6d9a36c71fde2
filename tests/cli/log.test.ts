/** The log of commands that stay up: what every line with `--json` has. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { openLedger } from "latchkey/ledger";
import { pendingRequest } from "latchkey/pending";
import { connect } from "latchkey/rpc";
import { fakeRuntime } from "latchkey/testing";
import * as assert from "uvu/assert";
import { latchkey, latchkeyPath, openPlace } from "../support/commands.js";
import { suite, within } from "../support/suite.js";

const test = suite("log");

interface Line {
  readonly [field: string]: unknown;
}

/** Each line says when, how bad, and what, before anything else. */
function checkLine(line: Line): void {
  assert.equal(Object.keys(line).slice(0, 3), ["at", "level", "did"]);
  assert.match(String(line.at), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.ok(["info", "warn", "error"].includes(String(line.level)), String(line.level));
}

test("lines of keep have time, level, what, and whole ids", async () => {
  await using place = await openPlace();
  await using fake = await fakeRuntime();
  const keeper = spawn(process.execPath, [latchkeyPath, "keep", "--json", "--endpoint", fake.endpoint], {
    cwd: place.dir,
    env: { ...place.env, COPILOT_CONNECTION_TOKEN: fake.token },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise<number | null>((resolve) => keeper.once("close", resolve));
  const lines: Line[] = [];
  const waiting = new Map<unknown, (line: Line) => void>();
  createInterface({ input: keeper.stdout }).on("line", (text) => {
    const line: Line = JSON.parse(text);
    lines.push(line);
    waiting.get(line.did)?.(line);
  });
  const says = (did: string): Promise<Line> =>
    within(15_000, new Promise<Line>((resolve) => waiting.set(did, resolve)), `"${did}" of the keeper`);
  try {
    await says("connected");
    await using host = await connect(fake.endpoint, { token: fake.token });
    const held = says("held");
    const { sessionId } = await host.request("session.create", { requestPermission: true });
    await held;
    const recorded = says("recorded");
    fake.raise(sessionId, "permission.requested");
    const { id, session, kind } = await recorded;
    await using ledger = await openLedger(join(place.state, "ledger.db"));
    const [entry] = await ledger.list({ state: "open" });
    assert.equal([id, session, kind], [entry?.id, sessionId, "permission.requested"]);
    const disconnected = says("disconnected");
    await fake.kill();
    assert.is((await disconnected).level, "warn");
  } finally {
    keeper.kill("SIGTERM");
    assert.is(await ended, 0);
  }
  for (const line of lines) checkLine(line);
  assert.is(lines.at(-1)?.did, "ended");
});

test("lines of broker have time, level, what, and whole ids", async () => {
  await using place = await openPlace();
  await using ledger = await openLedger(join(place.state, "ledger.db"));
  const data = { requestId: "r", serverName: "notes", serverUrl: "http://127.0.0.1:9/mcp", reason: "initial" } as const;
  const entry = await ledger.record(
    pendingRequest({ type: "mcp.oauth_required", data }, { sessionId: "s", principal: "ada" }),
  );
  const run = async (exec: string): Promise<Line> =>
    JSON.parse((await latchkey(place, ["broker", "--once", "--json", "--exec", exec])).out);
  const ids = { id: entry.id, session: "s", kind: "mcp.oauth_required" };
  for (const [exec, level, did] of [
    ["exit 75", "warn", "retry"],
    ["echo nothing", "error", "refused"],
    [`echo '{"kind":"token","accessToken":"t"}'`, "info", "answered"],
  ] as const) {
    const line = await run(exec);
    checkLine(line);
    assert.equal([line.level, line.did, line.fate], [level, did, did]);
    assert.equal({ id: line.id, session: line.session, kind: line.kind }, ids);
  }
});
