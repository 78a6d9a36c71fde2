/** What the command shows: of strangers' texts, of claims, on narrow terminals, and which exit code it ends with. */
import { writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { type Entry, type Ledger, openLedger } from "latchkey/ledger";
import { pendingRequest } from "latchkey/pending";
import * as assert from "uvu/assert";
import { latchkey, openPlace, type Place } from "../support/commands.js";
import { raw as openRaw } from "../support/ledger/raw.js";
import { suite } from "../support/suite.js";
import { hasTmux, openScreen } from "../support/tmux.js";

const test = suite("what latchkey shows");
const terminal: typeof test = hasTmux
  ? test
  : Object.assign((name: string) => test.skip(name, "there is no tmux"), test);
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

const record = (type: string, data: Record<string, unknown>, sessionId = "s-1"): Promise<Entry> =>
  ledger.record(
    pendingRequest({ type, data: { requestId: `request-${++made}`, ...data } }, { sessionId, principal: "ada" }),
  );
const oauth = (sessionId = "s-1"): Promise<Entry> =>
  record(
    "mcp.oauth_required",
    { serverName: "notes", serverUrl: "http://127.0.0.1:9/mcp", reason: "initial" },
    sessionId,
  );
const run = (...args: string[]) => latchkey(place, args);

test("lists thousands of entries, page after page", async () => {
  const { id } = await oauth();
  await using database = openRaw(join(place.state, "ledger.db"));
  const columns = (await database.run("SELECT name FROM pragma_table_info('entries')")).map(({ name }) => String(name));
  const copied = columns.map((name) => (["id", "request_id"].includes(name) ? `${name} || '-' || n` : name));
  const count = 5000;
  await database.run(
    `WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)
     INSERT INTO entries (${columns.join(", ")}) SELECT ${copied.join(", ")} FROM entries, numbers WHERE id = ?`,
    count - 1,
    id,
  );
  const { code, out, err } = await run("ls", "--all", "--quiet");
  assert.is(code, 0, err);
  assert.is(new Set(out.trim().split("\n")).size, count);
  assert.is((await run("ls", "--all")).out.trim().split("\n").length, count + 1);
});

/** C0, C1, bidi, a tag, a zero width space, half a pair, NUL. */
const odd = "a\u001b[2Jb\u009b31mc\u202ed\u{e0041}e\u200bf\ud800g\u0000h";
const raw = /[^\P{C}\n]/u;

test("shows no hidden character of a stranger's text, and all of them in JSON's own escapes", async () => {
  const { id } = await record("elicitation.requested", {
    message: odd,
    elicitationSource: `${odd}${"x".repeat(100_000)}`,
  });
  const held = await ledger.claim({ id }, { owner: `broker ${odd}` });
  assert.ok(held);
  for (const args of [
    ["ls"],
    ["show", id],
    ["receipts", id],
    ["ls", "--json"],
    ["show", "--json", id],
    ["cancel", id],
  ]) {
    const { out, err } = await run(...args);
    assert.not.match(out + err, raw, args.join(" "));
  }
  assert.ok((await run("ls")).out.length < 3000, "a long text fills the table");
  const whole = JSON.parse((await run("show", "--json", id)).out);
  assert.is(whole.data.message, odd);
  const shown = (await run("show", id)).out;
  assert.is(JSON.parse(shown.slice(shown.indexOf("\ndata\n") + 6)).message, odd);
  assert.match(
    (await run("ls")).out,
    String.raw`a\u001b[2Jb\u009b31mc\u202ed\udb40\udc41e\u200bf\ud800g\u0000h`.slice(0, 20),
  );
});

test("shows an error text of whatever answers at the endpoint without hidden characters", async () => {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", (chunk) => {
      const { id } = JSON.parse(String(chunk).split("\r\n\r\n")[1] ?? "");
      const body = JSON.stringify({ jsonrpc: "2.0", id, error: { code: -32000, message: odd } });
      socket.end(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  try {
    const endpoint = `tcp://127.0.0.1:${address.port}`;
    for (const args of [["doctor"], ["doctor", "--json"], ["repl"]]) {
      const { out, err } = await run(...args, ...(args[0] === "repl" ? [endpoint] : ["--endpoint", endpoint]));
      assert.not.match(out + err, raw, args.join(" "));
      assert.match(out + err, /2Jb/, args.join(" "));
    }
  } finally {
    server.close();
  }
});

test("says who works on an entry, and cancels it under them only by force", async () => {
  const { id } = await oauth();
  assert.not.match((await run("ls")).out, /CLAIMED/);
  await using claim = await ledger.claim({ id }, { owner: "broker of bob", leaseMs: 300_000 });
  assert.ok(claim);
  assert.match((await run("ls")).out, /SESSION +CLAIMED BY\n.* s-1 +broker of bob, \d+m left/);
  assert.match((await run("show", id)).out, new RegExp(`claimed by +broker of bob, \\d+m left, fence ${claim.fence}`));
  assert.equal(JSON.parse((await run("ls", "--json")).out).claim.owner, "broker of bob");
  for (const args of [
    ["cancel", id],
    ["answer", id, "--deny"],
  ]) {
    const { code, err } = await run(...args);
    assert.is(code, 4);
    assert.match(err, /"broker of bob" works on this until/);
  }
  assert.is((await ledger.get(id))?.state, "open");
  assert.is((await run("cancel", "--force", id)).code, 0);
  assert.is((await ledger.get(id))?.state, "cancelled");
});

test("tells what a permission wants to run from what the model says about it", async () => {
  const permissionRequest = { kind: "shell", fullCommandText: "rm -rf build", intention: "list the files" };
  const { id } = await record("permission.requested", { permissionRequest });
  assert.match((await run("ls")).out, /shell rm -rf build +ada/);
  assert.match((await run("show", id)).out, /what +shell rm -rf build\nmodel says +list the files\n/);
});

test("lists nothing for good: what is lost and cannot come again is over, the rest can be cancelled", async () => {
  const lost = await oauth("s-2");
  await record("elicitation.requested", { message: "Which colour?" }, "s-2");
  await ledger.lost("s-2");
  const answered = await record("permission.requested", { permissionRequest: { kind: "shell" } });
  await ledger.answer(answered.id, { kind: "approve-once" });
  assert.is((await run("ls", "--quiet")).out, `${lost.id}\n${answered.id}\n`);
  assert.is((await run("ls", "--quiet", "--state", "lost")).out.split("\n").length, 3);
  for (const { id } of [lost, answered]) assert.is((await run("cancel", id)).code, 0);
  const { out, err } = await run("ls");
  assert.equal([out, err], ["", "nothing is pending\n"]);
});

test("refuses empty values of options, as unset variables make them", async () => {
  for (const args of [
    ["keep", "--principal", ""],
    ["keep", "--principal", "  "],
    ["ls", "--principal="],
    ["broker", "--exec", "true", "--principal", ""],
    ["ls", "--session", ""],
    ["ls", "--ledger", ""],
    ["doctor", "--endpoint", ""],
  ]) {
    const { code, err } = await run(...args);
    assert.is(code, 2, args.join(" "));
    assert.match(err, new RegExp(`is empty.*\n.*latchkey ${args[0]} --help`));
  }
});

test("ends with the code that its page gives, and names the help of its command", async () => {
  const codes = async (env: NodeJS.ProcessEnv, ...args: string[]) =>
    await latchkey({ ...place, env: { ...place.env, ...env } }, args);
  for (const endpoint of ["nonsense", "http://127.0.0.1:80", "tcp://127.0.0.1", "tcp://:1"]) {
    for (const command of ["keep", "doctor"]) {
      const { code, err } = await codes({}, command, "--endpoint", endpoint);
      assert.is(code, 2, `${command} ${endpoint}`);
      assert.match(err, new RegExp(`latchkey ${command} --help`));
    }
    assert.is((await codes({ LATCHKEY_ENDPOINT: endpoint }, "doctor")).code, 2);
    assert.is((await codes({}, "repl", endpoint)).code, 2);
  }
  const badKey = await codes({ LATCHKEY_KEY: "not-a-key" }, "ls");
  assert.is(badKey.code, 5);
  assert.match(badKey.err, /LATCHKEY_KEY must be 32 bytes/);
  for (const [option, value] of [
    ["--kind", "nonsense"],
    ["--state", "nonsense"],
  ] as const)
    assert.match((await run("ls", option, value)).err, /latchkey ls --help/);
  assert.match((await run("broker", "--exec", "true", "--jobs", "many")).err, /latchkey broker --help/);
  const level = await run("runtime", "start", "--log-level", "loud");
  assert.is(level.code, 2);
  assert.match(level.err, /latchkey runtime start --help/);
});

terminal("ends by SIGINT with 130 when it was asked for a list, with 0 when it looked on", async () => {
  await using screen = await openScreen({ env: place.env, cwd: place.dir });
  screen.type("latchkey ls --wait; echo code $?");
  screen.press("Enter");
  await screen.until(/^waits for something to list/m);
  screen.press("C-c");
  await screen.until(/^(\^C)?code 130$/m);
  await oauth();
  screen.type("latchkey ls --watch; echo code $?");
  screen.press("Enter");
  await screen.until(/mcp\.oauth_required/);
  screen.press("C-c");
  await screen.until(/^(\^C)?code 0$/m);
});

test("says nothing of what it waits for into a pipe", async () => {
  const waiting = latchkey(place, ["ls", "--wait", "--quiet"]);
  const { id } = await oauth();
  const { out, err } = await waiting;
  assert.equal([out, err], [`${id}\n`, ""]);
});

test("says the next step when there is nothing yet", async () => {
  const elsewhere = { ...place, env: { ...place.env, XDG_STATE_HOME: join(place.dir, "other") } };
  const first = await latchkey(elsewhere, ["ls"]);
  assert.is(first.code, 5);
  assert.match(first.err, /latchkey keep makes one/);
  assert.match((await latchkey(elsewhere, ["runtime", "status"])).err, /latchkey runtime start/);
  assert.match((await run("ls")).err, /latchkey keep records/);
  const none = { ...place, env: { ...place.env, COPILOT_CLI_PATH: join(place.dir, "none") } };
  assert.is((await latchkey(none, ["runtime", "start"])).code, 6);
});

test("says why a store cannot be reached", async () => {
  const env = {
    ...place.env,
    LATCHKEY_LEDGER: "postgres://ada:hidden-word@127.0.0.1:9/none",
    LATCHKEY_KEY: "00".repeat(32),
  };
  const { code, err } = await latchkey({ ...place, env }, ["ls"]);
  assert.is(code, 5);
  assert.match(err, /: connect ECONNREFUSED 127\.0\.0\.1:9 \(UNAVAILABLE\)/);
  assert.not.match(err, /hidden-word/);
});

test("finds out that there is no SQLite before there is a ledger", async () => {
  const env = {
    ...place.env,
    XDG_STATE_HOME: join(place.dir, "other"),
    NODE_OPTIONS: `--require=${join(place.dir, "no-sqlite.cjs")}`,
  };
  await writeFile(
    join(place.dir, "no-sqlite.cjs"),
    `const { Module } = require("node:module"); const { _load } = Module;
     Module._load = (name, ...rest) => { if (/sqlite/.test(name)) throw new Error("there is no " + name); return _load(name, ...rest); };`,
  );
  const { code, out } = await latchkey({ ...place, env }, ["doctor"]);
  assert.is(code, 1);
  assert.match(out, /bad +sqlite .*sqlite.*\n.*npm install @photostructure\/sqlite/);
});

terminal("fits 44 columns, and puts nothing behind what it waits for", async () => {
  const { id } = await record("permission.requested", {
    permissionRequest: { kind: "shell", fullCommandText: "find . -name '*.ts' -newer package.json" },
  });
  await using claim = await ledger.claim({ id }, { owner: "latchkey broker 12345" });
  assert.ok(claim);
  await using screen = await openScreen({ env: place.env, cwd: place.dir, columns: 44 });
  const see = async (line: string): Promise<string[]> => {
    screen.type(`clear; ${line}; echo "the end"`);
    screen.press("Enter");
    const shown = await screen.until(/^the end$/m);
    return shown.split("\n");
  };
  const listed = await see("latchkey ls");
  assert.ok(
    listed.some((line) => /^ID +STATE +FOR +AGE +SESSION$/.test(line)),
    listed.join("\n"),
  );
  assert.ok(listed.some((line) => /^ {2}permission\.requested$/.test(line)));
  assert.ok(listed.some((line) => /^ {2}shell find \. .*…$/.test(line)));
  assert.ok(listed.some((line) => /^ {2}latchkey broker 12345, \d+s left$/.test(line)));
  for (const line of ["latchkey receipts", "latchkey doctor", "latchkey --help", "latchkey ls --help"]) {
    const shown = await see(line === "latchkey receipts" ? `${line} ${id}` : line);
    // A word broken by the edge would go on at the start of the next line, where only heads, codes and indents stand.
    for (const each of shown) assert.ok(each.length <= 44);
  }
});
