import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect as connectTo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkMark, markRuntime } from "latchkey/rpc";
import * as assert from "uvu/assert";
import { descendantsOf, listensAt, startOf } from "../../../lib/rpc/runtime/processes.js";
import { suite } from "../../support/suite.js";

const test = suite("The mark of a runtime", { timeoutMs: 20_000 });

/** A process that listens on a loopback port, and gives it up when it is told to. */
const listener = `
const server = require("node:net").createServer().listen(0, "127.0.0.1", () => process.send(server.address().port));
process.on("message", () => server.close(() => process.send("closed")));
setInterval(() => {}, 1000);
`;

async function listen() {
  const child: ChildProcess = spawn(process.execPath, ["-e", listener], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const exited = once(child, "exit");
  const [port] = await once(child, "message");
  assert.ok(typeof port === "number" && child.pid !== undefined);
  return {
    pid: child.pid,
    port,
    endpoint: `tcp://127.0.0.1:${port}`,
    async giveUpPort() {
      child.send("close");
      await once(child, "message");
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

test("a process that runs and listens is the marked one, also after the mark went through JSON", async () => {
  await using runtime = await listen();
  const mark = await markRuntime(runtime);
  assert.equal(Object.keys(mark).sort(), ["endpoint", "pid", "processStart"]);
  assert.is(await checkMark(JSON.parse(JSON.stringify(mark))), "running");
  assert.equal(await markRuntime(runtime), mark, "the same process has the same mark");
});

test("ended: gone, though somebody else listens on its port", async () => {
  const mark = await (async () => {
    await using runtime = await listen();
    return await markRuntime(runtime);
  })();
  const server = createServer().listen(Number(new URL(mark.endpoint).port), "127.0.0.1");
  try {
    await once(server, "listening");
    assert.is(await checkMark(mark), "gone");
  } finally {
    server.close();
  }
});

test("ended and not yet waited for by its parent: gone", async () => {
  // The shell's child ends, and the shell becomes a program that waits for nobody.
  const shell = spawn("sh", ["-c", 'sleep 0.05 & echo "$!"; exec sleep 60'], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(shell, "exit");
  try {
    const [line] = await once(shell.stdout, "data");
    const pid = Number(line);
    const mark = { endpoint: "tcp://127.0.0.1:9", pid, processStart: "any" };
    const state = () =>
      execFileSync("ps", ["-o", "state=", "-p", String(pid)])
        .toString()
        .trim();
    while (!state().startsWith("Z")) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.is(await checkMark(mark), "gone");
    assert.is(await startOf(pid), null);
  } finally {
    shell.kill("SIGKILL");
    await exited;
  }
});

test("its process id belongs to a later process: gone", async () => {
  await using runtime = await listen();
  const mark = await markRuntime(runtime);
  assert.is(await checkMark({ ...mark, processStart: `${mark.processStart}0` }), "gone");
  // Started in the same instant, before the machine was started anew.
  const earlier = mark.processStart?.replace(/^\S+/, "00000000-0000-0000-0000-000000000000");
  assert.is(await checkMark({ endpoint: mark.endpoint, pid: mark.pid, processStart: earlier ?? "" }), "gone");
});

test("it runs and gave up its port, which somebody else took: not-listening", async () => {
  await using runtime = await listen();
  const mark = await markRuntime(runtime);
  await runtime.giveUpPort();
  assert.is(await checkMark(mark), "not-listening");
  await using other = await listen();
  assert.is(await checkMark({ ...mark, endpoint: other.endpoint }), "not-listening");
});

test("a mark without a start time proves nothing; process ids that are none are nobody's", async () => {
  await using runtime = await listen();
  assert.is(await checkMark({ endpoint: runtime.endpoint, pid: runtime.pid }), "unknown");
  for (const pid of [0, -1, 1.5, Number.NaN, 2 ** 40])
    assert.is(await checkMark({ endpoint: runtime.endpoint, pid, processStart: "x" }), "gone");
});

const tools = ["ps", "lsof"].filter((name) => {
  try {
    execFileSync("which", [name]);
    return false;
  } catch {
    return true;
  }
});
/** This process itself listens at `at`, and is asked about `asked`. */
async function listensHere(at: string, asked: string): Promise<boolean | undefined> {
  const server = createServer().listen(0, at);
  try {
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" ? address?.port : undefined;
    return await listensAt(process.pid, new URL(`tcp://${asked.replace("PORT", String(port))}`));
  } finally {
    server.close();
  }
}

const onLinux: typeof test =
  process.platform === "linux" ? test : Object.assign((name: string) => test.skip(name, "there is no /proc"), test);

onLinux("it listens where a connection to the endpoint arrives: address and port", async () => {
  assert.is(await listensHere("127.0.0.1", "127.0.0.1:PORT"), true);
  assert.is(await listensHere("0.0.0.0", "127.0.0.1:PORT"), true);
  assert.is(await listensHere("127.0.0.2", "127.0.0.1:PORT"), false);
  const free = createServer().listen(0, "127.0.0.1");
  await once(free, "listening");
  const address = free.address();
  await new Promise((resolve) => free.close(resolve));
  const other = typeof address === "object" ? address?.port : undefined;
  assert.is(await listensHere("127.0.0.1", `127.0.0.1:${other}`), false);
});

onLinux("of an address that is none of IPv4 only the port is compared", async () => {
  const reachable = await listensHere("::", "127.0.0.1:PORT").catch((error: NodeJS.ErrnoException) => error.code);
  if (reachable === "EAFNOSUPPORT" || reachable === "EADDRNOTAVAIL") return;
  assert.is(reachable, true);
  assert.is(await listensHere("127.0.0.1", "localhost:PORT"), true);
});

onLinux("a connection that is left over from a listener does not listen", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const accepted = once(server, "connection");
  const client = connectTo(port, "127.0.0.1");
  const [socket] = await accepted;
  const closed = once(server, "close");
  server.close();
  try {
    assert.is(await listensAt(process.pid, new URL(`tcp://127.0.0.1:${port}`)), false);
  } finally {
    client.destroy();
    socket.destroy();
    await closed;
  }
});

test("of all who listen at a port on Windows it is the one that is asked about, or it is not", async () => {
  const dir = await mkdtemp(join(tmpdir(), "latchkey-mark-"));
  const { PATH } = process.env;
  await writeFile(join(dir, "powershell.exe"), "#!/bin/sh\necho 17; echo 4711\n", { mode: 0o755 });
  process.env.PATH = `${dir}:${PATH}`;
  try {
    assert.is(await listensAt(4711, new URL("tcp://127.0.0.1:1"), "win32"), true);
    for (const pid of [471, 7, 4712]) assert.is(await listensAt(pid, new URL("tcp://127.0.0.1:1"), "win32"), false);
  } finally {
    process.env.PATH = PATH;
    await rm(dir, { recursive: true });
  }
});

const elsewhere = "systems without /proc: ps and lsof say the same";
if (tools.length > 0) test.skip(elsewhere, `not installed: ${tools.join(", ")}`);
else
  test(elsewhere, async () => {
    await using runtime = await listen();
    await using other = await listen();
    const start = await startOf(runtime.pid, "darwin");
    assert.match(start ?? "", /\d\d:\d\d:\d\d \d{4}$/);
    assert.is(await startOf(runtime.pid, "darwin"), start);
    assert.is(await startOf(2 ** 22 + 1, "darwin"), null);
    assert.is(await listensAt(runtime.pid, new URL(runtime.endpoint), "darwin"), true);
    assert.is(await listensAt(runtime.pid, new URL(other.endpoint), "darwin"), false);
  });

test("the descendants of a process, the same by /proc and by ps", async () => {
  const shell = spawn("sh", ["-c", "sh -c 'sleep 60 & echo; wait' & wait"], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(shell, "exit");
  try {
    await once(shell.stdout, "data");
    const found = await descendantsOf(shell.pid ?? 0);
    assert.is(found.length, 2);
    if (tools.length === 0) assert.equal(await descendantsOf(shell.pid ?? 0, "darwin"), found);
    assert.ok((await descendantsOf(process.pid)).includes(found[1] ?? 0));
    // From the outermost on: a shell whose child is gone ends by itself.
    for (const pid of found) process.kill(pid, "SIGKILL");
  } finally {
    shell.kill("SIGKILL");
    await exited;
  }
  assert.equal(await descendantsOf(shell.pid ?? 0), []);
});

test("where no program can be asked, nothing is known", async () => {
  const before = process.env.PATH;
  process.env.PATH = "/nowhere";
  try {
    assert.is(await startOf(process.pid, "darwin"), undefined);
    assert.is(await listensAt(process.pid, new URL("tcp://127.0.0.1:1"), "darwin"), undefined);
    assert.equal(await descendantsOf(process.pid, "darwin"), []);
  } finally {
    process.env.PATH = before;
  }
});
