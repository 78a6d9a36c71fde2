import { once } from "node:events";
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConnectionError, testedVersions } from "latchkey";
import { connect, findRuntime, type Runtime, startRuntime } from "latchkey/rpc";
import * as assert from "uvu/assert";
import { trapStrayRejections } from "../../support/pair.js";
import { rejects, suite, within } from "../../support/suite.js";
import { allRuntimes, bundled, runtimes, startProgram } from "../../support/world.js";

let folder = "";
const setUp = async (): Promise<void> => {
  folder = await mkdtemp(join(tmpdir(), "latchkey-runtime-"));
};
const tearDown = () => rm(folder, { recursive: true, force: true, maxRetries: 5 });

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

/** A stand-in for a runtime: a script in the test's folder. */
async function script(name: string, text: string): Promise<string> {
  const path = join(folder, `${name}.mjs`);
  await writeFile(path, text);
  return path;
}

/** Answers every request; `flood` writes a MiB to both standard streams first. */
const obedient = `
import { createServer } from "node:net";
import { writeSync } from "node:fs";
const flood = () => { for (const fd of [1, 2]) for (let i = 0; i < 64;) { try { writeSync(fd, "x".repeat(1024) + "\\n"); i++; } catch (e) { if (e.code !== "EAGAIN") throw e; } } };
const server = createServer((socket) => {
  socket.on("error", () => {});
  let text = "";
  socket.on("data", (chunk) => {
    text += chunk;
    for (;;) {
      const found = /^Content-Length: (\\d+)\\r\\n\\r\\n/.exec(text);
      if (!found || text.length < found[0].length + Number(found[1])) return;
      const message = JSON.parse(text.slice(found[0].length, found[0].length + Number(found[1])));
      text = text.slice(found[0].length + Number(found[1]));
      if (message.id === undefined) continue;
      if (message.method === "ping") for (let i = 0; i < 16; i++) flood();
      const result = message.method === "connect"
        ? { ok: true, protocolVersion: 3, version: "fake" }
        : { message: JSON.stringify({ argv: process.argv.slice(2), env: process.env, cwd: process.cwd() }) };
      const body = JSON.stringify({ jsonrpc: "2.0", id: message.id, result });
      socket.write("Content-Length: " + Buffer.byteLength(body) + "\\r\\n\\r\\n" + body);
    }
  });
});
flood();
server.listen(0, "127.0.0.1", () => console.log("CLI server listening on port " + server.address().port));
`;

const test = suite("Starting a runtime");
trapStrayRejections(test);
test.before(setUp);
test.after(tearDown);

test("what it is started with", async () => {
  const path = await script("obedient", obedient);
  await using runtime = await startRuntime({
    path,
    home: folder,
    cwd: folder,
    env: { GIVEN: "by env", PATH: undefined, COPILOT_CONNECTION_TOKEN: "not this one" },
    args: ["--further", "argument"],
    logLevel: "debug",
  });
  await using rpc = await connect(runtime.endpoint, { token: runtime.token });
  const { argv, env, cwd } = JSON.parse(
    (await rpc.request("status.get").then(JSON.stringify).then(JSON.parse)).message,
  );
  assert.ok(argv.includes("--headless"));
  assert.equal(argv.slice(-2), ["--further", "argument"]);
  assert.is(argv[argv.indexOf("--log-level") + 1], "debug");
  assert.not.ok(argv.some((word: string) => word.includes(runtime.token)));
  assert.is(env.COPILOT_CONNECTION_TOKEN, runtime.token, "its own token, whatever else is in the environment");
  assert.is(env.HOME, folder);
  assert.is(env.GIVEN, "by env");
  assert.not.ok("PATH" in env);
  assert.is(cwd, folder);
  assert.is(runtime.version, "fake");
});

test("what is latchkey's or another runtime's is not in its environment, unless `env` names it", async () => {
  const path = await script("obedient", obedient);
  const planted = ["LATCHKEY_KEY", "LATCHKEY_LEDGER", "LATCHKEY_KEY_COMMAND", "COPILOT_CONNECTION_TOKEN"];
  const before = planted.map((name) => [name, process.env[name]] as const);
  for (const name of planted) process.env[name] = `planted ${name}`;
  process.env.PLANTED = "stays";
  const environment = async (env?: NodeJS.ProcessEnv): Promise<NodeJS.ProcessEnv> => {
    await using runtime = await startRuntime({ path, env });
    await using rpc = await connect(runtime.endpoint, { token: runtime.token });
    const answer = await rpc.request("status.get").then(JSON.stringify).then(JSON.parse);
    const seen = JSON.parse(answer.message).env;
    assert.is(seen.COPILOT_CONNECTION_TOKEN, runtime.token);
    return seen;
  };
  try {
    const plain = await environment();
    assert.is(plain.PLANTED, "stays");
    assert.not.match(JSON.stringify(plain), /planted/);
    const asked = await environment({ LATCHKEY_LEDGER: process.env.LATCHKEY_LEDGER });
    assert.is(asked.LATCHKEY_LEDGER, "planted LATCHKEY_LEDGER");
    assert.not.ok("LATCHKEY_KEY" in asked);
  } finally {
    delete process.env.PLANTED;
    for (const [name, value] of before)
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
  }
});

test("a version that is not tested: the tested ones are said, and nothing else changes", async () => {
  const path = await script("obedient", obedient);
  await using runtime = await startRuntime({ path });
  assert.equal(runtime.testedVersions, testedVersions);
  await using rpc = await connect(runtime.endpoint, { token: runtime.token });
  assert.equal(rpc.hello, { protocolVersion: 3, version: "fake" });
  assert.equal(rpc.testedVersions, testedVersions);
  assert.equal(
    testedVersions,
    allRuntimes.map(({ name }) => name),
    "what this suite runs on",
  );
});

test("no report of the process is made: it would look up a name for every socket, and block meanwhile", async () => {
  const { report } = process;
  const real = report.getReport;
  let made = 0;
  report.getReport = (...args) => {
    made += 1;
    return real.apply(report, args);
  };
  try {
    findRuntime({ PATH: "/nowhere" });
    const path = await script("obedient", obedient);
    await using _ = await startRuntime({ path });
  } finally {
    report.getReport = real;
  }
  assert.is(made, 0);
});

test("what it writes to its standard streams never stops it", async () => {
  const path = await script("obedient", obedient);
  await using runtime = await startRuntime({ path });
  await using rpc = await connect(runtime.endpoint, { token: runtime.token });
  for (let at = 0; at < 3; at += 1) await within(5_000, rpc.request("ping"), "a call that makes it write much");
});

test("a token of its own each time, unless one is given", async () => {
  const path = await script("obedient", obedient);
  await using first = await startRuntime({ path });
  await using second = await startRuntime({ path });
  await using third = await startRuntime({ path, token: "chosen" });
  assert.is.not(first.token, second.token);
  assert.ok(first.token.length >= 43, "256 bits");
  assert.is(third.token, "chosen");
});

test("it dies before it listens: REFUSED with the end of its standard error", async () => {
  const path = await script("dying", `process.stderr.write("x".repeat(9000) + "no licence\\n"); process.exit(3);`);
  const error = await rejects(startRuntime({ path }), { type: ConnectionError, code: "REFUSED" });
  assert.match(error.message, /ended \(3\) before it listened: x+no licence$/);
  assert.ok(error.message.length < 5_000, "not all of it");
  const silent = await script("silent", "process.kill(process.pid, 'SIGKILL');");
  await rejects(startRuntime({ path: silent }), { code: "REFUSED", message: /ended \(SIGKILL\) before it listened$/ });
});

test("it says that it listens, and does not: REFUSED, and it is ended", async () => {
  await using witness = await witnessServer();
  const path = await script("lying", `${witness.report}.once("connect", () => console.log("listening on port 1"));`);
  const failed = rejects(startRuntime({ path, env: { WITNESS: String(witness.port) } }), { code: "REFUSED" });
  const socket = await witness.next();
  await failed;
  if (!socket.destroyed) await within(2_000, once(socket, "close"), "its end");
});

test("no such binary, no such folder, and a folder instead of a binary: REFUSED", async () => {
  const missing = await rejects(startRuntime({ path: join(folder, "missing") }), { code: "REFUSED" });
  assert.ok(missing.cause instanceof Error);
  const path = await script("obedient", obedient);
  await rejects(startRuntime({ path, cwd: join(folder, "missing") }), { code: "REFUSED", message: /not be started/ });
  await rejects(startRuntime({ path: folder }), { code: "REFUSED" });
});

test("a binary without its run bit is given it", async () => {
  const inner = await script("obedient", obedient);
  const path = join(folder, "copilot-without-bit");
  await writeFile(path, `#!/bin/sh\nexec "${process.execPath}" "${inner}" "$@"\n`, { mode: 0o644 });
  await chmod(path, 0o644);
  await using runtime = await startRuntime({ path });
  assert.is((await stat(path)).mode & 0o111, 0o111);
  assert.is(runtime.version, "fake");
});

test("COPILOT_CLI_PATH says which, by the environment and by `env`; `path` comes first", async () => {
  const path = await script("obedient", obedient);
  {
    await using runtime = await startRuntime({ env: { COPILOT_CLI_PATH: path } });
    assert.is(runtime.version, "fake");
  }
  const before = process.env.COPILOT_CLI_PATH;
  process.env.COPILOT_CLI_PATH = path;
  try {
    await using runtime = await startRuntime();
    assert.is(runtime.version, "fake");
    process.env.COPILOT_CLI_PATH = join(folder, "missing");
    await using chosen = await startRuntime({ path });
    assert.is(chosen.version, "fake");
  } finally {
    if (before === undefined) delete process.env.COPILOT_CLI_PATH;
    else process.env.COPILOT_CLI_PATH = before;
  }
});

test("found by itself: the runtime of the official SDK", async () => {
  await using runtime = await startRuntime({ home: folder, cwd: folder, env: { COPILOT_CLI_PATH: undefined } });
  assert.is(runtime.version, bundled.name);
});

test("a script that starts it and waits, aborted while it starts: both are ended", async () => {
  await using witness = await witnessServer();
  const inner = await script("waiting", `${witness.report}; setInterval(() => {}, 1000);`);
  const path = join(folder, "copilot-wrapper");
  await writeFile(path, `#!/bin/sh\n"${process.execPath}" "${inner}"\n`, { mode: 0o755 });
  const abort = new AbortController();
  const failed = startRuntime({ path, env: { WITNESS: String(witness.port) }, signal: abort.signal }).catch(
    () => "failed",
  );
  const socket = await witness.next();
  abort.abort();
  assert.is(await failed, "failed");
  if (!socket.destroyed) await within(2_000, once(socket, "close"), "the end of what the script had started");
});

test("aborted before it begins, nothing is started; aborted while it starts, it is ended", async () => {
  await using witness = await witnessServer();
  const path = await script("waiting", `${witness.report}; setInterval(() => {}, 1000);`);
  const env = { WITNESS: String(witness.port) };
  const reason = new Error("changed our minds");
  const aborted = startRuntime({ path: join(folder, "missing"), signal: AbortSignal.abort(reason) });
  assert.is(await aborted.catch((error: unknown) => error), reason);
  const abort = new AbortController();
  const failed = startRuntime({ path, env, signal: abort.signal }).catch((error: unknown) => error);
  const socket = await witness.next();
  abort.abort(reason);
  assert.is(await failed, reason);
  if (!socket.destroyed) await within(2_000, once(socket, "close"), "its end");
});

/** A place where scripts report that they run; the connection ends when they do. */
async function witnessServer() {
  const sockets: Socket[] = [];
  const accepted = new Set<Socket>();
  const waiting: ((socket: Socket) => void)[] = [];
  const server = createServer((socket) => {
    socket.on("error", () => undefined).resume();
    accepted.add(socket);
    const next = waiting.shift();
    if (next) next(socket);
    else sockets.push(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return {
    port: address.port,
    report: `import { connect } from "node:net"; connect(Number(process.env.WITNESS), "127.0.0.1")`,
    next: async (): Promise<Socket> => sockets.shift() ?? (await new Promise((resolve) => waiting.push(resolve))),
    async [Symbol.asyncDispose]() {
      for (const socket of accepted) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

for (const under of runtimes) {
  const real = suite(`Starting ${under.name}`);
  trapStrayRejections(real);
  real.before(setUp);
  real.after(tearDown);
  const start = (more: object = {}): Promise<Runtime> =>
    startRuntime({ path: under.path, home: folder, cwd: folder, ...more });

  real("token in the environment and not on the command line; loopback; its own home", async () => {
    await using runtime = await start();
    assert.match(runtime.endpoint, /^tcp:\/\/127\.0\.0\.1:\d+$/);
    assert.is(runtime.version, under.name);
    assert.not.ok("testedVersions" in runtime, "it is one of them");
    assert.not.ok((await readFile(`/proc/${runtime.pid}/cmdline`, "utf8")).includes(runtime.token));
    assert.ok((await readFile(`/proc/${runtime.pid}/environ`, "utf8")).includes(runtime.token));
    await using rpc = await connect(runtime.endpoint, { token: runtime.token });
    await rpc.request("session.create");
    assert.ok((await readdir(folder)).length > 0, "its files are in the home that it was given");
  });

  real("stop(): it ends in good order; twice and afterwards is harmless", async () => {
    const runtime = await start();
    await Promise.all([runtime.stop(), runtime.stop()]);
    assert.not.ok(isAlive(runtime.pid));
    assert.equal(await runtime.exited, { code: 0, signal: null });
    await runtime.stop();
    await rejects(connect(runtime.endpoint, { token: runtime.token }), { code: "REFUSED" });
  });

  real("stop() of one that does not react: SIGKILL after the grace", async () => {
    const runtime = await start();
    process.kill(runtime.pid, "SIGSTOP");
    await within(5_000, runtime.stop({ graceMs: 100 }), "stop()");
    assert.equal(await runtime.exited, { code: null, signal: "SIGKILL" });
    assert.not.ok(isAlive(runtime.pid));
  });

  real("stop() with a grace that is no length of time: TypeError, and it goes on running", async () => {
    await using runtime = await start();
    for (const graceMs of [-1, Number.NaN, "5", null] as number[])
      assert.match((await rejects(runtime.stop({ graceMs }), { type: TypeError })).message, '"graceMs"');
    await (await connect(runtime.endpoint, { token: runtime.token })).close();
    await runtime.stop({ graceMs: Number.POSITIVE_INFINITY });
    assert.equal(await runtime.exited, { code: 0, signal: null });
  });

  real("its sudden end is told", async () => {
    await using runtime = await start();
    process.kill(runtime.pid, "SIGKILL");
    assert.equal(await within(2_000, runtime.exited, "exited"), { code: null, signal: "SIGKILL" });
  });

  real("an argument that it does not know: REFUSED with what it says", async () => {
    const error = await rejects(start({ args: ["--no-such-flag"] }), { code: "REFUSED" });
    assert.match(error.message, "no-such-flag");
  });

  for (const stay of [true, false])
    real(
      `detached, it outlives a host that ${stay ? "is killed with -9" : "comes to its end"}, and works on`,
      async () => {
        await using host = startProgram("detached-host", { given: { path: under.path, home: folder, stay } });
        const { endpoint, token, pid } = await host.next("started");
        assert.ok(typeof endpoint === "string" && typeof token === "string" && typeof pid === "number");
        try {
          if (stay) await host.kill();
          else assert.equal(await within(5_000, host.exited, "the host's own end"), { code: 0, signal: null });
          await using rpc = await connect(endpoint, { token });
          for (let at = 0; at < 3; at += 1) {
            const { sessionId } = await rpc.request("session.create");
            await rpc.session(sessionId).request("log", { message: "still here" });
            await rpc.session(sessionId).request("destroy");
          }
          await rejects(() => Reflect.apply(rpc.request, rpc, ["no.such.method"]), { code: "METHOD_NOT_FOUND" });
        } finally {
          process.kill(pid, "SIGKILL");
        }
      },
    );
}
