import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { Troupe } from "./support/resume/troupe.js";
import { suite } from "./support/suite.js";
import { onDisk, type Program, type RuntimeUnderTest, runtimes } from "./support/world.js";

for (const under of runtimes) {
  const test = suite(`Resume on ${under.name}`);

  test("the host is killed while OAuth waits: the keeper delivers", async () => {
    await using troupe = await Troupe.open(under);
    const keeper = await troupe.keeper();
    const host = await troupe.host("create", { deliver: false });
    await troupe.ready(host, keeper);
    const { id } = await troupe.entry(({ state }) => state === "open");
    await host.kill();
    await troupe.broker();
    const settled = await keeper.next("settled");
    assert.equal([settled.id, settled.outcome], [id, "accepted"]);
    assert.is(troupe.world.authorization.issued.byCode, 1);
    assert.is((await troupe.ledger.list()).length, 1);
  });

  test("the keeper is killed while OAuth waits: its successor finds the question and delivers", async () => {
    await using troupe = await Troupe.open(under);
    const keeper = await troupe.keeper();
    const host = await troupe.host("create", { deliver: false });
    await troupe.ready(host, keeper);
    const { id, requestId } = await troupe.entry(({ state }) => state === "open");
    await keeper.kill();
    const successor = await troupe.keeper({ holds: [troupe.sessionId] });
    assert.equal((await successor.next("caught")).requests, [requestId]);
    await host.kill();
    await troupe.broker();
    const settled = await successor.next("settled");
    assert.equal([settled.id, settled.outcome], [id, "accepted"]);
    assert.is(troupe.world.authorization.issued.byCode, 1);
    assert.is((await troupe.ledger.list()).length, 1);
  });

  test("host and keeper are killed at once, so the session is unloaded: answered meanwhile, resumed", async () => {
    await using troupe = await Troupe.open(under);
    const { host, id } = await waitInsideTool(troupe);
    const keeper = await troupe.keeper({ holds: [troupe.sessionId] });
    await Promise.all([host.kill(), keeper.kill()]);
    await unloaded(troupe);
    await answerNow(troupe, id);
    // The runtime closed the call when it unloaded the session, if it got as far as writing that down.
    await resumeAnswered(troupe, id, under, { mayBeClosed: true });
  });

  test("the runtime is killed while a tool call waits for a token: answered while nothing runs, resumed", async () => {
    await using troupe = await Troupe.open(under);
    const { host, id } = await waitInsideTool(troupe);
    await troupe.killRuntime(host);
    await answerNow(troupe, id);
    await resumeAnswered(troupe, id, under);
  });

  test("the same, answered only after the resume", async () => {
    await using troupe = await Troupe.open(under);
    const { host, id } = await waitInsideTool(troupe);
    await troupe.killRuntime(host);
    const next = await troupe.host("resume");
    const ready = await next.next("ready");
    assert.equal([ready.seeded, ready.lost], [[], [id]]);
    const successor = await troupe.entry((entry) => entry.id !== id && entry.state === "open");
    assert.equal(ready.waiting, [{ kind: successor.kind, requestId: successor.requestId }]);
    const before = await troupe.ledger.get(id);
    assert.equal([before?.state, before?.successor], ["superseded", successor.id]);
    assert.is(before?.intent, successor.intent);
    await troupe.broker();
    await troupe.entry((entry) => entry.id === successor.id && entry.outcome === "accepted");
    assert.is(troupe.world.authorization.issued.byCode, 2);
    await turn(troupe, next);
    assert.equal(troupe.tools(), ["echo", "whoami"]);
    assert.is(troupe.world.authorization.issued.byCode, 2);
  });

  test("a token that was refused is not given to the resumed session; a good one leaves no trace on disk", async () => {
    await using troupe = await Troupe.open(under);
    const { host, id } = await waitInsideTool(troupe);
    // The first token was refused by the server; only the second may be given.
    const refused = troupe.world.mcp.knocks.findLast(({ token }) => token !== undefined)?.token;
    assert.ok(refused);
    await troupe.killRuntime(host);
    const first = await troupe.host("resume");
    assert.equal((await first.next("ready")).seeded, []);
    const { id: again } = await troupe.entry((entry) => entry.id !== id && entry.state === "open");
    await first.kill();
    await unloaded(troupe);
    await answerNow(troupe, again);
    const second = await troupe.host("resume");
    assert.equal((await second.next("ready")).seeded, ["notes"]);
    await turn(troupe, second);
    const given = troupe.world.mcp.knocks.findLast(({ token }) => token !== undefined)?.token;
    assert.ok(given !== undefined && given !== refused);
    await troupe.killRuntime(second);
    for (const token of [given, refused]) assert.equal(await filesWith(troupe.stage.home, token), []);
    assert.is(troupe.world.authorization.issued.byCode, 2);
  });

  test("a session without a user message is said to be gone, and its entries are lost", async () => {
    await using troupe = await Troupe.open(under);
    const host = await troupe.host("create");
    await troupe.ready(host);
    const { id } = await troupe.entry(({ state }) => state === "open");
    await troupe.killRuntime(host);
    const next = await troupe.host("resume");
    assert.is((await next.next("refused")).code, "NOT_RESUMABLE");
    assert.is((await troupe.ledger.get(id))?.state, "lost");
    const [last] = (await troupe.ledger.receipts(id)).slice(-1);
    assert.is(last?.state, "lost");
  });
}

/** Until a tool call of the session waits for a token that the server accepts. */
async function waitInsideTool(troupe: Troupe): Promise<{ host: Program; id: string }> {
  const { world, stage, sessionId } = troupe;
  const host = await troupe.host("create");
  await troupe.prelude(host);
  world.authorization.revokeAll();
  world.model.say({ tool: "whoami" });
  host.tell({ type: "prompt", prompt: "Who am I?" });
  const { id } = await troupe.entry(({ state, kind }) => state === "open" && kind === "mcp.oauth_required");
  await onDisk(stage.home, sessionId, "whoami");
  return { host, id };
}

/** By a broker, while nobody is connected to the runtime. */
async function answerNow(troupe: Troupe, id: string): Promise<void> {
  const broker = await troupe.broker();
  assert.is((await broker.next("answered")).id, id);
  await broker.kill();
}

/** The answer that waits in the ledger serves the resumed session: nobody is asked again. */
async function resumeAnswered(
  troupe: Troupe,
  id: string,
  under: RuntimeUnderTest,
  { mayBeClosed = false } = {},
): Promise<void> {
  const { world, ledger } = troupe;
  const host = await troupe.host("resume");
  const ready = await host.next("ready");
  assert.equal([ready.cold, ready.seeded, ready.lost], [true, ["notes"], [id]]);
  assert.equal([ready.waiting, ready.askedAgain], [[], []]);
  const interrupted = Array.isArray(ready.interrupted) ? ready.interrupted.length : Number.NaN;
  if (!mayBeClosed) assert.is(interrupted, under.retries ? 0 : 1);
  if (interrupted === 0) {
    assert.ok(under.retries, "only this one makes the call again");
    await host.next("idle");
    assert.equal(world.model.toolResults(), ["here", "ada"]);
  } else {
    assert.equal(troupe.tools(), ["echo"]);
    await turn(troupe, host);
    assert.is(world.model.toolResults().at(-1), "ada");
  }
  assert.equal(troupe.tools(), ["echo", "whoami"]);
  assert.is(world.authorization.issued.byCode, 2, "no token more than was needed");
  assert.is((await ledger.list()).length, 2);
  assert.is((await ledger.get(id))?.state, "lost");
}

async function turn(troupe: Troupe, host: Program): Promise<void> {
  troupe.world.model.say({ tool: "whoami" });
  host.tell({ type: "prompt", prompt: "Who am I, then?" });
  await troupe.world.mcp.ran("whoami");
  await host.next("idle");
}

async function unloaded(troupe: Troupe): Promise<void> {
  await using rpc = await troupe.stage.connect();
  const session = rpc.session(troupe.sessionId);
  for (;;) {
    const error = await session.request("eventLog.tail").then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (error !== undefined) {
      assert.match(String(error), "not found");
      return;
    }
  }
}

async function filesWith(folder: string, text: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const found: string[] = [];
  for (const entry of entries) {
    // The program's own files, which it unpacks, are none of ours.
    if (!entry.isFile() || entry.parentPath.includes(join(".cache", "copilot", "pkg"))) continue;
    const path = join(entry.parentPath, entry.name);
    if ((await readFile(path)).includes(text)) found.push(path);
  }
  return found;
}
