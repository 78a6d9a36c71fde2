/** `latchkey broker`: what becomes of a claim by how its command ends, and what becomes of the command. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, watch } from "node:fs";
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Entry, type Ledger, openLedger } from "latchkey/ledger";
import { pendingRequest } from "latchkey/pending";
import * as assert from "uvu/assert";
import { latchkey, latchkeyPath, openPlace, type Place } from "../support/commands.js";
import { raw } from "../support/ledger/raw.js";
import { suite, within } from "../support/suite.js";

const test = suite("latchkey broker");
let place: Place;
let ledger: Ledger;
let made = 0;

test.before.each(async () => {
  place = await openPlace();
  ledger = await openLedger(join(place.state, "ledger.db"));
});
test.after.each(async () => {
  await ledger.close();
  await place[Symbol.asyncDispose]();
});

const oauth = (sessionId = "s-1", principal: string | undefined = "ada"): Promise<Entry> =>
  ledger.record(
    pendingRequest(
      {
        type: "mcp.oauth_required",
        data: {
          requestId: `request-${++made}`,
          serverName: "notes",
          serverUrl: "http://127.0.0.1:9/mcp",
          reason: "initial",
        },
      },
      { sessionId, principal },
    ),
  );
const once = (exec: string, ...more: string[]) =>
  latchkey(place, ["broker", "--once", "--json", "--exec", exec, ...more]);
const token = (value: string): string => `echo '{"kind":"token","accessToken":"${value}"}'`;
const state = async (id: string): Promise<string | undefined> => (await ledger.get(id))?.state;

/** Resolves when the file is there. */
async function appears(path: string): Promise<void> {
  const seen = new AbortController();
  try {
    await within(
      10_000,
      new Promise<void>((resolve) => {
        watch(place.dir, { signal: seen.signal }, () => existsSync(path) && resolve()).on("error", () => undefined);
        if (existsSync(path)) resolve();
      }),
      `the coming of ${path}`,
    );
  } finally {
    seen.abort();
  }
}

/** One that ended and that nobody has waited for counts as ended. */
function lives(pid: number): boolean {
  const { stdout } = spawnSync("ps", ["-o", "state=", "-p", String(pid)], { encoding: "utf8" });
  return stdout.trim() !== "" && !stdout.startsWith("Z");
}

/** Resolves when nobody holds the pipe any more: every process that the command started is gone. */
const gone = (child: ChildProcess): Promise<void> => new Promise((resolve) => child.once("close", () => resolve()));

test("answers by what the command prints, once for all sessions of a principal", async () => {
  const [first, second] = [await oauth("s-1"), await oauth("s-2")];
  const ran = await once(`cat > seen.json; ${token("t-1")}`);
  assert.is(ran.code, 0, ran.err);
  assert.is(JSON.parse(ran.out).fate, "answered");
  assert.equal([await state(first.id), await state(second.id)], ["answered", "answered"]);
  const [, given] = await ledger.receipts(first.id);
  assert.equal([given?.state, given?.actor], ["answered", "automation"]);
  const request = JSON.parse(await readFile(join(place.dir, "seen.json"), "utf8"));
  assert.equal([request.id, request.kind, request.data.serverName], [first.id, "mcp.oauth_required", "notes"]);
  assert.equal((await ledger.deliver(first.id, { owner: "test" }))?.answer, { kind: "token", accessToken: "t-1" });
});

for (const [how, exec, code, left, reason] of [
  ["exit code 75", "exit 75", 1, "open", undefined],
  ["exit code 77", "exit 77", 0, "cancelled", undefined],
  ["another exit code", "exit 3", 1, "open", /exit code 3/],
  ["a signal", "kill -9 $$", 1, "open", /SIGKILL|exit code 137/],
  ["no JSON", "echo a-secret-token", 1, "open", /not JSON/],
  ["an answer that does not fit", `echo '{"kind":"token","accessToken":""}'`, 1, "open", /accessToken/],
] as const) {
  test(`leaves the entry ${left} after ${how}`, async () => {
    const { id } = await oauth();
    const ran = await once(exec);
    assert.is(ran.code, code, ran.err);
    assert.is(await state(id), left);
    const said = JSON.parse(ran.out);
    if (reason) assert.match(said.reason, reason);
    assert.not.match(ran.out + ran.err, /a-secret-token/);
    const claim = await ledger.claim({ id }, { owner: "the next" });
    assert.is(claim !== undefined, left === "open", "the claim was not given back");
    await claim?.release();
  });
}

test("tries again after a pause, and works on others meanwhile", async () => {
  const first = await oauth("s-1", "ada");
  const second = await oauth("s-2", "bob");
  const exec = `if grep -q '"principal":"ada"' && [ ! -e tried ]; then touch tried; exit 75; fi; ${token("t")}`;
  const fates: string[] = [];
  const ran = await latchkey(place, ["broker", "--json", "--exec", exec], "", (line, child) => {
    const { id, fate } = JSON.parse(line);
    fates.push(`${id === first.id ? "first" : "second"} ${fate}`);
    if (fates.length === 3) child.kill("SIGTERM");
  });
  assert.is(ran.code, 0);
  assert.equal(fates, ["first retry", "second answered", "first answered"]);
  assert.is(await state(second.id), "answered");
});

test("keeps its lease while the command runs longer", async () => {
  const { id } = await oauth();
  const running = once(`touch started; while [ ! -e enough ]; do sleep 0.05; done; ${token("t")}`, "--lease", "0.3");
  await appears(join(place.dir, "started"));
  const other = await ledger.claim({ id }, { owner: "another", waitMs: 1000 });
  assert.is(other, undefined);
  spawn("touch", [join(place.dir, "enough")]);
  assert.is((await running).code, 0);
  assert.is(await state(id), "answered");
});

/** Runs a command that has its token and then waits for the file "enough", and what happens to the ledger meanwhile. */
async function whileItWaits(happen: () => Promise<void>): Promise<{ ran: ReturnType<typeof once>; id: string }> {
  const { id } = await oauth();
  const ran = once(`echo x >>obtained; touch started; while [ ! -e enough ]; do sleep 0.05; done; ${token("t-1")}`);
  await appears(join(place.dir, "started"));
  await happen();
  await writeFile(join(place.dir, "enough"), "");
  return { ran, id };
}

const given = async (id: string): Promise<unknown> => (await ledger.deliver(id, { owner: "test" }))?.answer;
const obtained = (): Promise<string> => readFile(join(place.dir, "obtained"), "utf8");

test("keeps what its command obtained while the ledger is away, and writes it down when that is back", async () => {
  const file = join(place.state, "ledger.db");
  const { ran, id } = await whileItWaits(() => rename(file, `${file}.aside`));
  // A broker that throws it away would say so and end now; this one is still there when the file comes back.
  const early = await Promise.race([ran, delay(1500)]);
  assert.is(early, undefined, `it ended: ${early?.out}`);
  await rename(`${file}.aside`, file);
  assert.is(JSON.parse((await ran).out).fate, "answered");
  assert.equal(await given(id), { kind: "token", accessToken: "t-1" });
  assert.is(await obtained(), "x\n");
});

test("writes down what its command obtained though the claim has run out, while nobody else works on it", async () => {
  const { ran, id } = await whileItWaits(async () => {
    await using database = raw(join(place.state, "ledger.db"));
    await database.run("UPDATE credentials SET lease_until = 0, owner = NULL, fence = fence + 1");
  });
  assert.is(JSON.parse((await ran).out).fate, "answered");
  assert.equal(await given(id), { kind: "token", accessToken: "t-1" });
  assert.is(await obtained(), "x\n");
});

test("writes nothing into the work of another who has claimed it since", async () => {
  const { ran, id } = await whileItWaits(async () => {
    await using database = raw(join(place.state, "ledger.db"));
    await database.run("UPDATE credentials SET lease_until = 0, owner = NULL");
    assert.ok(await ledger.claim({ id: (await ledger.list())[0]?.id }, { owner: "another" }));
  });
  const said = JSON.parse((await ran).out);
  assert.is(said.fate, "retry");
  assert.match(said.reason, /another/);
  assert.is(await state(id), "open");
});

for (const signal of ["SIGTERM", "SIGKILL"] as const) {
  test(`takes its command along when it ends by ${signal}`, async () => {
    const { id } = await oauth();
    const child = spawn(
      process.execPath,
      [latchkeyPath, "broker", "--lease", "1", "--exec", "(sleep 600; true) & touch started; sleep 600"],
      // Its standard error is inherited by all that it starts: it closes when the last of them is gone.
      { cwd: place.dir, env: place.env, stdio: ["ignore", "ignore", "pipe"] },
    );
    child.stderr.resume();
    const over = gone(child);
    await appears(join(place.dir, "started"));
    child.kill(signal);
    await within(5000, over, "the end of the command");
    if (signal === "SIGTERM") assert.is(child.exitCode, 0);
    const claim = await ledger.claim({ id }, { owner: "the next", waitMs: 5000 });
    assert.ok(claim, "the claim was not given back");
    await claim.release();
  });
}

test("settles when its command has ended, and ends what it left in the background", async () => {
  const { id } = await oauth();
  const ran = await within(8000, once(`sleep 600 & echo $! > left; ${token("t")}`), "the end of the broker");
  assert.is(ran.code, 0, ran.err);
  assert.is(await state(id), "answered");
  assert.not.ok(lives(Number(await readFile(join(place.dir, "left"), "utf8"))), "it was left running");
  assert.is(ran.err, "");
});

test("settles though a process that left the group holds the command's output, and says so", async () => {
  const { id } = await oauth();
  const exec = `setsid sh -c 'echo $$ > left; exec sleep 600' 2>/dev/null & while [ ! -s left ]; do sleep 0.02; done; ${token("t")}`;
  const running = once(exec);
  try {
    const ran = await within(8000, running, "the end of the broker");
    assert.is(ran.code, 0, ran.err);
    assert.is(await state(id), "answered");
    assert.match(ran.err, /left a process behind.*setsid/);
  } finally {
    process.kill(Number(await readFile(join(place.dir, "left"), "utf8")), "SIGKILL");
    await running;
  }
});

test("ends its command when nobody waits for the answer any more", async () => {
  const { id } = await oauth();
  const running = once("touch started; sleep 600", "--lease", "0.3");
  await appears(join(place.dir, "started"));
  await ledger.completed({ kind: "mcp.oauth_required", sessionId: "s-1", requestId: `request-${made}` });
  const ran = await within(5000, running, "the end of the broker");
  assert.is(JSON.parse(ran.out).fate, "unwanted");
  assert.is(await state(id), "settled");
});

/** Lifetimes as token endpoints and scripts print them, and how long the answer then serves others; 0 is not at all. */
const lifetimes: readonly [string, number | undefined][] = [
  ['"3600"', 3600],
  ["3599.98", 3599],
  ["0", 0],
  ["null", undefined],
  ["9223372036854775", undefined],
];

for (const [text, seconds] of lifetimes)
  test(`a lifetime of ${text} is understood`, async () => {
    const { id } = await oauth();
    const before = Date.now();
    const { code } = await once(`echo '{"kind":"token","accessToken":"t","expiresIn":${text}}'`);
    assert.is(code, 0);
    assert.is(await state(id), "answered");
    const [seed] = await ledger.seeds("s-1", { principal: "ada" });
    if (seconds === 0) return assert.is(seed, undefined);
    const endsIn = seed?.expiresAt && (seed.expiresAt.getTime() - before) / 1000;
    if (seconds === undefined) assert.is(endsIn, undefined);
    else assert.ok(endsIn !== undefined && endsIn >= seconds && endsIn < seconds + 30, String(endsIn));
  });

test("a command that prints no answer is not run again for it, and other work goes on", async () => {
  const [parked, failing] = [await oauth("s-1", "ada"), await oauth("s-2", "bob")];
  // Each look of the broker runs the command for what fails and may be tried again.
  const exec = `cat >asked; if grep -q '"principal":"ada"' asked; then echo x >>obtained; echo '{"kind":"token","accessToken":"a b"}'; elif [ -e tried ]; then ${token("t")}; else touch tried; exit 75; fi`;
  const fates: string[] = [];
  const ran = await latchkey(place, ["broker", "--json", "--exec", exec], "", (line, child) => {
    const { id, fate, reason } = JSON.parse(line);
    fates.push(`${id === parked.id ? "parked" : "failing"} ${fate}`);
    if (fate === "refused") assert.match(reason, /accessToken.*not run for it again/);
    if (fate === "answered") child.kill("SIGTERM");
  });
  assert.is(ran.code, 0);
  assert.equal(fates, ["parked refused", "failing retry", "failing answered"]);
  assert.is(await readFile(join(place.dir, "obtained"), "utf8"), "x\n");
  assert.equal([await state(parked.id), await state(failing.id)], ["open", "answered"]);
});

for (const lease of ["0", "1e300", "99999999"])
  test(`a lease of ${lease} seconds is a mistake on the command line`, async () => {
    await oauth();
    assert.is((await once(token("t"), "--lease", lease)).code, 2);
  });
