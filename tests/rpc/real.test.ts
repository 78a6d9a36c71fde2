import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { inspect } from "node:util";
import { ConnectionError } from "latchkey";
import { connect, type Rpc } from "latchkey/rpc";
import * as assert from "uvu/assert";
import { trapStrayRejections } from "../support/pair.js";
import { rejects, suite, within } from "../support/suite.js";
import { type RuntimeUnderTest, runtimes, startTestRuntime, type TestRuntime } from "../support/world.js";

/** A runtime on its standard streams, in a home of its own. */
async function overStdio(under: RuntimeUnderTest) {
  const home = await mkdtemp(join(tmpdir(), "latchkey-stdio-"));
  const child: ChildProcessByStdio<Writable, Readable, null> = spawn(
    under.path,
    ["--headless", "--stdio", "--no-auto-update"],
    { cwd: home, env: { PATH: process.env.PATH, HOME: home }, stdio: ["pipe", "pipe", "ignore"] },
  );
  const exited = once(child, "exit");
  const target = { readable: child.stdout, writable: child.stdin };
  return {
    child,
    exited,
    target,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await exited;
      await rm(home, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Median time of a call, in milliseconds. */
async function median(rpc: Rpc, calls: number, call: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let at = 0; at < calls; at += 1) {
    const began = performance.now();
    await call();
    times.push(performance.now() - began);
  }
  assert.is(rpc.hello.protocolVersion, 3);
  return times.sort((a, b) => a - b)[calls >> 1] ?? 0;
}

for (const under of runtimes) {
  const test = suite(`Rpc on ${under.name}`);
  trapStrayRejections(test);
  let testRuntime: TestRuntime;
  test.before(async () => {
    testRuntime = await startTestRuntime(under);
  });
  test.after(() => testRuntime.close());

  test("a call, a wrong call, an unknown method, over TCP", async () => {
    await using rpc = await testRuntime.connect();
    assert.is(rpc.endpoint, testRuntime.runtime.endpoint);
    assert.is(rpc.hello.version, under.name);
    assert.match((await rpc.request("ping", { message: "žluť" })).message, "žluť");
    await rejects(rpc.session("00000000-0000-4000-8000-000000000000").request("log", { message: "x" }), {
      code: "SESSION_NOT_FOUND",
    });
    const unknown = await rejects(() => Reflect.apply(rpc.request, rpc, ["no.such.method"]), {
      code: "METHOD_NOT_FOUND",
    });
    assert.is(Reflect.get(unknown, "rpcCode"), -32601);
  });

  test("the token: missing and wrong are UNAUTHORIZED, and so is one where none is configured", async () => {
    const { endpoint, token } = testRuntime.runtime;
    for (const wrong of [undefined, "", `${token}x`, "sekret"]) {
      const error = await rejects(connect(endpoint, { token: wrong }), { type: ConnectionError, code: "UNAUTHORIZED" });
      assert.not.match(inspect(error, { depth: 9 }), "sekret");
      assert.not.ok(inspect(error, { depth: 9 }).includes(token));
    }
    await using fine = await connect(endpoint, { token });
    assert.is(fine.hello.protocolVersion, 3);
    await using stdio = await overStdio(under);
    const unwanted = connect(stdio.target, { token: "sekret" }).then(
      async (rpc) => {
        await rpc.close();
        return "ignored";
      },
      (error: { code: string }) => error.code,
    );
    assert.ok(["ignored", "UNAUTHORIZED"].includes(await unwanted));
  });

  test("killed with -9 while a request is out: CLOSED", async () => {
    const rpc = await testRuntime.connect();
    const { sessionId } = await rpc.request("session.create");
    const session = rpc.session(sessionId);
    const { cursor } = await session.request("eventLog.tail");
    const out = session.request("eventLog.read", { cursor, waitMs: 30_000 });
    const event = session.events.wait("session.idle");
    const settled = Promise.allSettled([out, event]);
    await rpc.request("ping");
    await testRuntime.restart();
    await within(2_000, settled, "the end of what was out");
    await rejects(out, { type: ConnectionError, code: "CLOSED" });
    await rejects(event, { type: ConnectionError, code: "CLOSED" });
    await rejects(rpc.request("ping"), { code: "CLOSED" });
    assert.is((await rpc.closed).code, "CLOSED");
  });

  test("standard streams: calls and events, then its end", async () => {
    await using stdio = await overStdio(under);
    const rpc = await connect(stdio.target, { timeoutMs: 20_000 });
    assert.is(rpc.endpoint, "stdio:");
    const { sessionId } = await rpc.request("session.create");
    const session = rpc.session(sessionId);
    const info = session.events.wait("session.info", { timeoutMs: 5_000 });
    await session.request("log", { message: "over stdio" });
    assert.is((await info).data.message, "over stdio");
    await rpc.close();
    const [code] = await within(5_000, stdio.exited, "the exit after our end of stdin");
    assert.is(code, 0);
    assert.is((await rpc.closed).code, "ENDED");
  });

  test("standard streams: killed with -9 while a request is out, and asked after its exit: CLOSED", async () => {
    await using stdio = await overStdio(under);
    const rpc = await connect(stdio.target, { timeoutMs: 20_000 });
    const { sessionId } = await rpc.request("session.create");
    const { cursor } = await rpc.session(sessionId).request("eventLog.tail");
    const out = rejects(rpc.session(sessionId).request("eventLog.read", { cursor, waitMs: 30_000 }), {
      code: "CLOSED",
    });
    await rpc.request("ping");
    stdio.child.kill("SIGKILL");
    await stdio.exited;
    await rejects(rpc.request("ping"), { type: ConnectionError, code: "CLOSED" });
    await out;
    assert.is((await rpc.closed).code, "CLOSED");
  });

  test("four MiB in one frame, there and back", async () => {
    await using other = await testRuntime.connect();
    await using rpc = await testRuntime.connect();
    const big = "x".repeat(4 << 20);
    assert.ok((await rpc.request("ping", { message: big })).message.includes(big));
    await other.request("ping");
  });

  test("lifecycle broadcasts reach a connection that attached to nothing", async () => {
    await using watcher = await testRuntime.connect();
    await using rpc = await testRuntime.connect();
    const created = watcher.events.wait("session.lifecycle", {
      where: ({ event }) => event.type === "session.created",
      timeoutMs: 5_000,
    });
    const { sessionId } = await rpc.request("session.create");
    assert.is((await created).sessionId, sessionId);
  });

  test("what a call costs that makes the runtime emit an event, with and without the nudge (told, not judged)", async () => {
    const told: string[] = [];
    for (const nudge of [true, false]) {
      await using rpc = await connect(testRuntime.runtime.endpoint, { token: testRuntime.runtime.token, nudge });
      const { sessionId } = await rpc.request("session.create");
      const session = rpc.session(sessionId);
      const log = await median(rpc, 21, () => session.request("log", { message: "m" }));
      const ping = await median(rpc, 21, () => rpc.request("ping"));
      told.push(`nudge ${nudge ? "on" : "off"}: session.log ${log.toFixed(2)} ms, ping ${ping.toFixed(2)} ms`);
    }
    process.stdout.write(`${under.name}: ${told.join("; ")}\n`);
  });
}
