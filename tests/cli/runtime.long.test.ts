/** `latchkey runtime`, `keep`, `doctor`, help and completion. */
import { spawn, spawnSync } from "node:child_process";
import { chmod, chown, readFile, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { openLedger } from "latchkey/ledger";
import { connect } from "latchkey/rpc";
import * as assert from "uvu/assert";
import { latchkey, latchkeyPath, openPlace, type Place } from "../support/commands.js";
import { spoilSchema } from "../support/ledger/raw.js";
import { suite, within } from "../support/suite.js";
import { fakeByDay, openWorld } from "../support/world.js";

const test = suite("latchkey runtime, keep and doctor");
let place: Place;

test.before.each(async () => {
  place = await openPlace(fakeByDay);
});
test.after.each(async () => {
  await latchkey(place, ["runtime", "stop"]);
  await place[Symbol.asyncDispose]();
});

const noteOf = async (): Promise<{ endpoint: string; token: string; pid: number; processStart: string }> =>
  JSON.parse(await readFile(join(place.state, "runtime.json"), "utf8"));
const start = () => latchkey(place, ["runtime", "start", "--home", place.dir]);

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test("starts one runtime that outlives the command, and ends it", async () => {
  assert.is((await latchkey(place, ["runtime", "status"])).code, 3);
  const secretive = { ...place, env: { ...place.env, LATCHKEY_KEY: Buffer.alloc(32, 9).toString("base64") } };
  assert.is((await latchkey(secretive, ["runtime", "start", "--home", place.dir])).code, 0);
  const { pid, token, endpoint } = await noteOf();
  assert.is((await stat(join(place.state, "runtime.json"))).mode & 0o777, 0o600);
  assert.is((await stat(place.state)).mode & 0o777, 0o700);
  if (process.platform === "linux") {
    const environment = await readFile(`/proc/${pid}/environ`, "utf8");
    assert.not.match(environment, /LATCHKEY_KEY/);
    assert.not.ok((await readFile(`/proc/${pid}/cmdline`, "utf8")).includes(token));
  }
  const again = await start();
  assert.match(again.out, new RegExp(`runs already: .* process ${pid}`));
  const status = await latchkey(place, ["runtime", "status", "--json"]);
  assert.equal([JSON.parse(status.out).endpoint, status.out.includes(token)], [endpoint, false]);
  const rpc = await connect(endpoint, { token });
  assert.is((await latchkey(place, ["runtime", "stop"])).code, 0);
  await within(5000, rpc.closed, "the end of the runtime");
  assert.is((await latchkey(place, ["runtime", "stop"])).code, 3);
});

test("leaves a process alone that only has the number of its runtime", async () => {
  await start();
  const note = await noteOf();
  const stranger = spawn("sleep", ["600"]);
  try {
    process.kill(note.pid, "SIGKILL");
    await within(5000, closedOf(note), "the end of the runtime");
    await writeFile(join(place.state, "runtime.json"), JSON.stringify({ ...note, pid: stranger.pid }));
    assert.is((await latchkey(place, ["runtime", "stop"])).code, 3);
    assert.ok(isAlive(stranger.pid ?? 0));
  } finally {
    stranger.kill("SIGKILL");
  }
});

test("sends nothing to whoever has the port of a dead runtime, and believes no note of it", async () => {
  await start();
  const note = await noteOf();
  process.kill(note.pid, "SIGKILL");
  await within(5000, closedOf(note), "the end of the runtime");
  let connections = 0;
  const stranger = createServer((socket) => {
    connections++;
    socket.destroy();
  });
  await new Promise<void>((resolve) => stranger.listen(Number(new URL(note.endpoint).port), "127.0.0.1", resolve));
  try {
    const run = async (...args: string[]) => (await latchkey(place, args, "1 + 1\n")).code;
    assert.is(await run("runtime", "status"), 3);
    assert.is(await run("runtime", "env"), 3);
    assert.is(await run("repl"), 0);
    assert.match((await latchkey(place, ["doctor"])).out, /is gone/);
    const waits = await latchkey(place, ["keep", "--json"], "", (line, child) => {
      if (JSON.parse(line).did === "waiting") child.kill("SIGTERM");
    });
    assert.is(waits.code, 0);
    assert.is(await run("runtime", "stop"), 3);
    assert.is(connections, 0);
  } finally {
    stranger.close();
  }
});

/** Somebody who takes connections and keeps what is sent. */
async function openStranger() {
  let heard = "";
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    socket.on("error", () => undefined);
    socket.on("data", (bytes) => {
      heard += bytes.toString("latin1");
      socket.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return {
    endpoint: `tcp://127.0.0.1:${typeof address === "object" ? address?.port : ""}`,
    heard: () => heard,
    connections: () => connections,
    [Symbol.dispose]: () => void server.close(),
  };
}

test("its token goes to the endpoint that is noted, and to no other one that is named", async () => {
  await start();
  const note = await noteOf();
  using stranger = await openStranger();
  const { COPILOT_CONNECTION_TOKEN: _, ...env } = place.env;
  const repl = (endpoint: string) =>
    latchkey({ ...place, env }, ["repl", "--endpoint", endpoint], "rpc.hello.version\n");
  assert.is.not((await repl(stranger.endpoint)).code, 0);
  assert.ok(stranger.connections() > 0);
  assert.not.ok(stranger.heard().includes(note.token));
  const own = await repl(note.endpoint);
  assert.is(own.code, 0, own.err);
  assert.match(own.out, /\d+\.\d+\.\d+/);
});

test("sends nothing to whoever listens where its living runtime does not", async () => {
  await start();
  const note = await noteOf();
  using stranger = await openStranger();
  const path = join(place.state, "runtime.json");
  try {
    await writeFile(path, JSON.stringify({ ...note, endpoint: stranger.endpoint }));
    for (const verb of ["status", "env", "stop"])
      assert.is.not((await latchkey(place, ["runtime", verb])).code, 0, verb);
    assert.is(stranger.connections(), 0);
    assert.ok(isAlive(note.pid));
  } finally {
    await writeFile(path, JSON.stringify(note));
  }
});

for (const endpoint of ["nonsense", "http://127.0.0.1:1", "tcp://127.0.0.1", "tcp://127.0.0.1:0", "tcp://:1", "tcp:1"])
  test(`the endpoint ${endpoint} is a mistake on the command line`, async () => {
    const { code, err } = await latchkey(place, ["repl", "--endpoint", endpoint]);
    assert.is(code, 2);
    assert.match(err, "is not an endpoint");
  });

test("neither believes nor signals a process that began at another time", async () => {
  await start();
  const note = await noteOf();
  const path = join(place.state, "runtime.json");
  try {
    for (const processStart of [`${note.processStart}0`, undefined]) {
      await writeFile(path, JSON.stringify({ ...note, processStart }));
      assert.is((await latchkey(place, ["runtime", "status"])).code, 3);
      assert.is((await latchkey(place, ["runtime", "stop"])).code, 3);
      assert.ok(isAlive(note.pid));
    }
  } finally {
    await writeFile(path, JSON.stringify(note));
  }
  assert.is((await latchkey(place, ["runtime", "stop"])).code, 0);
});

test("prints where the runtime is, for eval, and a new key for a ledger", async () => {
  await start();
  const { endpoint, token } = await noteOf();
  const shown = spawnSync(
    "sh",
    ["-c", `eval "$(latchkey runtime env)"; node -e 'console.log(process.env.ENDPOINT, process.env.TOKEN)'`],
    {
      env: place.env,
      encoding: "utf8",
    },
  );
  assert.is(shown.stdout, `${endpoint} ${token}\n`, shown.stderr);
  const keys = [await latchkey(place, ["key", "new"]), await latchkey(place, ["key", "new"])];
  const [first, second] = keys.map(({ out }) => out.trim());
  assert.is(Buffer.from(first ?? "", "base64url").length, 32);
  assert.is.not(first, second);
  const env = { ...place.env, LATCHKEY_KEY: first };
  await using ledger = await openLedger(join(place.dir, "own.db"), { key: first });
  assert.ok(ledger);
  assert.is((await latchkey({ ...place, env }, ["ls", "--ledger", join(place.dir, "own.db")])).code, 0);
});

/** Resolves when nobody answers there any more. */
async function closedOf({ endpoint, token }: { endpoint: string; token: string }): Promise<void> {
  for (;;) {
    try {
      const rpc = await connect(endpoint, { token });
      await rpc.closed;
    } catch {
      return;
    }
  }
}

test(
  "keeps sessions over the death of their host, and goes on when the runtime comes back",
  async () => {
    await using world = await openWorld();
    await start();
    const heard: string[] = [];
    const waiting = new Map<string, () => void>();
    const hears = (did: string, count: number): Promise<void> =>
      within(
        15_000,
        new Promise((resolve) => {
          if (heard.filter((each) => each === did).length >= count) resolve();
          else waiting.set(`${did} ${count}`, resolve);
        }),
        `"${did}" of the keeper, which said: ${heard.join(", ")}`,
      );
    const keeper = spawn(
      process.execPath,
      [latchkeyPath, "keep", "--principal", "ada", "--json", "--interest", "mcp.oauth_required"],
      {
        cwd: place.dir,
        env: place.env,
        stdio: ["ignore", "pipe", "ignore"],
      },
    );
    const ended = new Promise<number | null>((resolve) => keeper.once("close", resolve));
    let rest = "";
    keeper.stdout.setEncoding("utf8").on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const { did } = JSON.parse(line);
        heard.push(did);
        waiting.get(`${did} ${heard.filter((each) => each === did).length}`)?.();
      }
    });
    try {
      await hears("connected", 1);
      const first = await noteOf();
      const host = await connect(first.endpoint, { token: first.token });
      const { sessionId } = await host.request("session.create", world.sessionParams());
      await hears("held", 1);
      await hears("recorded", 1);
      await host.close();
      await using ledger = await openLedger(join(place.state, "ledger.db"));
      const [entry] = await ledger.list({ sessionId });
      assert.equal([entry?.state, entry?.principal], ["open", "ada"]);

      process.kill(first.pid, "SIGKILL");
      await hears("disconnected", 1);
      await start();
      await hears("connected", 2);
      const second = await noteOf();
      const next = await connect(second.endpoint, { token: second.token });
      await next.request("session.create", world.sessionParams());
      await hears("held", 2);
      await hears("recorded", 2);
      await next.close();
      keeper.kill("SIGTERM");
      assert.is(await within(5000, ended, "the end of the keeper"), 0);
      assert.is(heard.at(-1), "ended");
    } finally {
      keeper.kill("SIGKILL");
      await ended;
    }
  },
  { timeoutMs: 40_000 },
);

test("keep ends with the ledger's exit code when the store takes nothing more", async () => {
  await start();
  const keeper = spawn(process.execPath, [latchkeyPath, "keep", "--json"], {
    cwd: place.dir,
    env: place.env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = new Promise<number | null>((resolve) => keeper.once("close", resolve));
  let said = "";
  keeper.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  try {
    const connected = new Promise<void>((resolve) => {
      keeper.stdout.setEncoding("utf8").on("data", (text: string) => {
        if (text.includes('"connected"')) resolve();
      });
    });
    await within(15_000, connected, "the connection of the keeper");
    spoilSchema(join(place.state, "ledger.db"));
    assert.is(await within(15_000, ended, "the end of the keeper"), 5, said);
    assert.match(said, /\(DATABASE\)/);
  } finally {
    keeper.kill("SIGKILL");
    await ended;
  }
});

test("finds what is wrong and says what to do", async () => {
  const healthy = await latchkey(place, ["doctor"]);
  assert.is(healthy.code, 0, healthy.out);
  assert.match(healthy.out, /runtime start/);
  await start();
  const db = join(place.state, "ledger.db");
  await (await openLedger(db)).close();
  await chmod(db, 0o644);
  await chmod(join(place.state, "runtime.json"), 0o640);
  const env = { ...place.env, COPILOT_CONNECTION_TOKEN: "wrong", LATCHKEY_ENDPOINT: (await noteOf()).endpoint };
  const { code, out } = await latchkey({ ...place, env }, ["doctor"]);
  assert.is(code, 1);
  assert.match(out, new RegExp(`chmod 600 ${db}`));
  assert.match(out, /chmod 600 .*runtime\.json/);
  assert.match(out, /bad +token .*\n.*COPILOT_CONNECTION_TOKEN/);
  const wrongKey = { ...place, env: { ...place.env, LATCHKEY_KEY: Buffer.alloc(32, 1).toString("base64") } };
  assert.match((await latchkey(wrongKey, ["doctor"])).out, /bad +ledger .*WRONG_KEY.*\n.*LATCHKEY_KEY/);
});

const says = "says whose a file is that belongs to another user";
const strangers = async (): Promise<void> => {
  const db = join(place.state, "strange.db");
  await (await openLedger(db)).close();
  await chown(`${db}.key`, 65_534, 65_534);
  const { code, out } = await latchkey({ ...place, env: { ...place.env, LATCHKEY_LEDGER: db } }, ["doctor"]);
  assert.is(code, 1);
  assert.match(out, /bad +modes +.*strange\.db\.key belongs to user 65534/);
};
if (process.geteuid?.() === 0) test(says, strangers);
else test.skip(says, "only root can give a file to somebody else", strangers);

test("has a page for every command, and examples on each", async () => {
  const { out } = await latchkey(place, ["--help"]);
  const [, list = ""] = /COMMANDS\n(.*?)\n\n/s.exec(out) ?? [];
  const names = list.split("\n").map((line) => line.trim().split(/ {2,}/)[0] ?? "");
  assert.ok(names.length >= 13);
  for (const name of names) {
    const page = await latchkey(place, [...name.split(" "), "--help"]);
    assert.is(page.code, 0);
    assert.match(page.out, new RegExp(`NAME\n +latchkey ${name} - .*EXAMPLES\n +\\S`, "s"));
    for (const line of page.out.split("\n")) assert.ok(line.length <= 90, `too wide: ${line}`);
  }
});

test("keeps Node's remark about its SQLite to itself, and no other warning", async () => {
  // Node 22 says it when SQLite is loaded; newer ones and the drop-in for older ones say nothing.
  const said = `setImmediate(() => {
    process.emitWarning("SQLite is an experimental feature and might change at any time", "ExperimentalWarning");
    process.emitWarning("something else", "ExperimentalWarning");
  })`;
  const preload = join(place.dir, "says.mjs");
  await writeFile(preload, said);
  const { code, err } = await latchkey({ ...place, env: { ...place.env, NODE_OPTIONS: `--import=${preload}` } }, [
    "--version",
  ]);
  assert.is(code, 0);
  assert.match(err, "something else");
  assert.not.match(err, "SQLite");
});

const hasFish = spawnSync("fish", ["--version"]).status === 0;
const fish: typeof test = hasFish ? test : Object.assign((name: string) => test.skip(name, "there is no fish"), test);
fish("completes commands, options and values in fish", () => {
  const complete = (line: string): string[] => {
    const script = `latchkey completion fish | source; complete -C '${line}'`;
    return spawnSync("fish", ["--no-config", "-c", script], { env: place.env, encoding: "utf8" })
      .stdout.trim()
      .split("\n");
  };
  assert.equal(complete("latchkey rec"), ["receipts"]);
  assert.equal(complete("latchkey runtime sto"), ["stop"]);
  assert.equal(complete("latchkey answer --approve-o"), ["--approve-once"]);
  assert.equal(complete("latchkey ls --kind perm"), ["permission.requested"]);
});

test("completes commands, options, values and entries in bash", async () => {
  const complete = (...words: string[]): string => {
    const script = `eval "$(latchkey completion bash)"; COMP_WORDS=(latchkey "$@"); COMP_CWORD=$#; _latchkey; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return spawnSync("bash", ["-c", script, "bash", ...words], { env: place.env, encoding: "utf8" }).stdout.trim();
  };
  assert.is(complete("rec"), "receipts");
  assert.is(complete("runtime", "sto"), "stop");
  assert.is(complete("answer", "--approve-o"), "--approve-once");
  assert.is(complete("ls", "--kind", "perm"), "permission.requested");
  assert.is(complete("ls", "--state", "ans"), "answered");
});
