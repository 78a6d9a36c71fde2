/** The REPL in a real terminal: the session of docs/repl.md typed and compared, completion, and what it keeps of secrets. */
import { spawnSync } from "node:child_process";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openLedger } from "latchkey/ledger";
import { wholeData } from "latchkey/pending";
import * as assert from "uvu/assert";
import { blocksOf, latchkeyPath, normal, openPlace, type Place, packageRoot } from "../support/commands.js";
import { suite } from "../support/suite.js";
import { hasTmux, openScreen, type Screen } from "../support/tmux.js";
import { fakeByDay, obtainToken, openWorld } from "../support/world.js";

const test = suite("the REPL");
const terminal: typeof test = hasTmux
  ? test
  : Object.assign((name: string) => test.skip(name, "there is no tmux"), test);
const prompt = "latchkey> ";

const latchkey = (place: Place, args: string[], input = ""): string => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [latchkeyPath, ...args], {
    cwd: place.dir,
    env: place.env,
    input,
    encoding: "utf8",
  });
  assert.is(status, 0, stderr);
  return stdout;
};

const repl = (place: Place, input: string) =>
  spawnSync(process.execPath, [latchkeyPath, "repl"], { cwd: place.dir, env: place.env, input, encoding: "utf8" });

/** A runtime that `latchkey` started, ended with the block. */
function openRuntime(place: Place): AsyncDisposable {
  latchkey(place, ["runtime", "start", "--home", place.dir]);
  return { [Symbol.asyncDispose]: async () => void latchkey(place, ["runtime", "stop"]) };
}

async function enter(screen: Screen, line: string, then: RegExp): Promise<void> {
  screen.type(line);
  await screen.until(new RegExp(`${line.slice(-20).replace(/[^\w ]/g, "\\$&")}`));
  screen.press("Enter");
  await screen.until(then);
}

/** So many prompts, the last of them empty. */
const prompts = (count: number): RegExp =>
  new RegExp(`^(?:[\\s\\S]*?^${prompt}.*$){${count - 1}}[\\s\\S]*?^latchkey>$`, "m");

terminal(
  "does what docs/repl.md shows",
  async () => {
    // What a page shows is shown on the real runtime.
    await using place = await openPlace();
    await using world = await openWorld();
    await using _ = openRuntime(place);
    await writeFile(join(place.dir, "session.json"), JSON.stringify(world.sessionParams()));
    const page = await readFile(join(packageRoot, "docs/repl.md"), "utf8");
    const shown = blocksOf(page).find(({ language }) => language === "console")?.code ?? "";
    await using screen = await openScreen({ env: place.env, cwd: place.dir });

    let token = "";
    let count = 0;
    for (const line of shown.split("\n")) {
      if (line.startsWith("$ ")) await enter(screen, line.slice(2), prompts(++count));
      else if (line === `${prompt}.exit`) await enter(screen, ".exit", /\.exit\n\$$/);
      else if (line.startsWith(`${prompt}answer(`)) {
        await enter(screen, line.slice(prompt.length), /\(not shown\):$/);
        await using ledger = await openLedger(join(place.state, "ledger.db"));
        token = await tokenFor(ledger);
        screen.type(token);
        screen.press("Enter");
        await screen.until(prompts(++count));
      } else if (line.startsWith(prompt)) await enter(screen, line.slice(prompt.length), prompts(++count));
    }
    const typed = screen.text();
    const wanted = shown.replace("/home/ada/.local/state/latchkey", place.state);
    assert.is(normal(typed.replace(/\n\$$/, "")), normal(wanted));

    assert.not.ok(typed.includes(token), "the token is on the screen");
    const history = await readFile(join(place.state, "history"), "utf8");
    assert.not.ok(history.includes(token), "the token is in the history");
    assert.match(history, /answer\(entry\.id\)/);
    assert.is((await stat(join(place.state, "history"))).mode & 0o777, 0o600);
  },
  { timeoutMs: 40_000 },
);

async function tokenFor(ledger: Awaited<ReturnType<typeof openLedger>>): Promise<string> {
  const claim = await ledger.claim({ kind: "mcp.oauth_required" }, { owner: "test" });
  assert.ok(claim);
  const { access_token } = await obtainToken(wholeData(await claim.request()));
  await claim.release();
  return access_token;
}

terminal("completes methods, event types and ids, and keeps lines with secrets out of its history", async () => {
  await using place = await openPlace(fakeByDay);
  await using _ = openRuntime(place);
  await using screen = await openScreen({ env: place.env, cwd: place.dir });
  await enter(screen, "latchkey repl", prompts(1));
  for (const [typed, completed] of [
    ['rpc.request("session.mcp.oauth.handleP', /session\.mcp\.oauth\.handlePendingRequest$/],
    ['session("x").request("mcp.oauth.handleP', /request\("mcp\.oauth\.handlePendingRequest$/],
    ['events.on("mcp.oauth_r', /events\.on\("mcp\.oauth_required$/],
    ['pending({ kind: "exit_p', /kind: "exit_plan_mode\.requested$/],
  ] as const) {
    screen.type(typed);
    screen.press("Tab");
    await screen.until(completed);
    screen.press("C-u");
    await screen.until(/latchkey>$/);
  }
  await enter(screen, 'const answerToCome = { accessToken: "typed-by-mistake" }', prompts(2));
  await enter(screen, "1 + 1", prompts(3));
  await enter(screen, ".exit", /\.exit\n\$$/);
  const history = await readFile(join(place.state, "history"), "utf8");
  assert.match(history, /1 \+ 1/);
  assert.not.match(history, /typed-by-mistake/);
});

test("works with a ledger alone, line by line from a pipe", async () => {
  await using place = await openPlace(fakeByDay);
  const out = latchkey(place, ["repl"], "pending()\nconst n = (await ledger.list()).length\nn + 41\n[1,\n2].length\n");
  assert.match(out, /no runtime: start one/);
  assert.equal(out.trim().split("\n").slice(2), ["nothing is pending", "41", "2"]);
});

test("stops a piped script at the first line that throws, and says so by its exit code", async () => {
  await using place = await openPlace(fakeByDay);
  for (const [script, said] of [
    ["rpc", /^no runtime: \.connect when there is one$/m],
    ['show("12345678")', /^no entry has the id "12345678"$/m],
    ["null.x", /^Uncaught TypeError/m],
    ["await Promise.reject(new RangeError('odd'))", /^Uncaught RangeError: odd/m],
    ["throw undefined", /^Uncaught undefined$/m],
    ["const const = 1", /^Uncaught SyntaxError/m],
  ] as const) {
    const { status, stdout, stderr } = repl(place, `1 + 1\n${script}\n"not done"\n`);
    assert.is(status, 1, script);
    assert.match(stdout, /^2$/m);
    assert.not.match(stdout, /not done/, script);
    assert.match(stderr, said);
    assert.not.match(stderr, /node:internal|repl\/wait/);
  }
  const cut = repl(place, "[1,\n2");
  assert.is(cut.status, 1);
  assert.match(cut.stderr, /middle of a statement/);
});

terminal("gives up waiting by Control-C, and survives what nobody awaits and what a runtime takes along", async () => {
  await using place = await openPlace(fakeByDay);
  latchkey(place, ["runtime", "start", "--home", place.dir]);
  const { pid } = JSON.parse(await readFile(join(place.state, "runtime.json"), "utf8"));
  try {
    await using screen = await openScreen({ env: place.env, cwd: place.dir });
    await enter(screen, "latchkey repl", prompts(1));
    for (const wait of ["await new Promise(() => {})", "new Promise(() => {})", 'events.wait("session.idle")']) {
      screen.type(wait);
      screen.press("Enter");
      await screen.until(/\)$/);
      // Sent until it is heard: nothing on the screen tells when the line began to wait.
      for (const end = performance.now() + 10_000; !/gave up waiting\n(.*\n)*latchkey>$/.test(screen.text()); ) {
        assert.ok(performance.now() < end, screen.text());
        screen.press("C-c");
        await screen.until(/latchkey>.*$/).catch(() => undefined);
      }
      await enter(screen, "20 + 22", /42\nlatchkey>$/);
      screen.type(".clear");
      screen.press("Enter");
      screen.press("C-l");
      await screen.until(/latchkey>$/);
    }
    await enter(screen, "void Promise.reject(new Error('nobody'))", /Uncaught Error: nobody[\s\S]*latchkey>$/);
    await enter(screen, "setTimeout(() => { throw new Error('late') }, 1); 0", /Uncaught Error: late[\s\S]*latchkey>$/);
    await enter(screen, "await rpc.request('nonsense', {})", /RpcError: .*\(METHOD_NOT_FOUND\)\nlatchkey>$/);
    await enter(screen, "const left = [1, 2, 3].map(() => events.wait('session.idle')); 0", /0\nlatchkey>$/);
    screen.press("C-l");
    process.kill(pid, "SIGKILL");
    const shown = await screen.until(/closed|gone[\s\S]*latchkey>$/);
    assert.is(shown.match(/\(CLOSED\)|the runtime is gone/g)?.length, 1, shown);
    await enter(screen, "6 * 7", /42\nlatchkey>$/);
    await enter(screen, "rpc", /no runtime: \.connect when there is one\nlatchkey>$/);
    await enter(screen, ".exit", /\.exit\n\$$/);
  } finally {
    latchkey(place, ["runtime", "start", "--home", place.dir]);
    latchkey(place, ["runtime", "stop"]);
  }
});

terminal("says that the runtime is gone when nobody waits for anything", async () => {
  await using place = await openPlace(fakeByDay);
  latchkey(place, ["runtime", "start", "--home", place.dir]);
  const { pid } = JSON.parse(await readFile(join(place.state, "runtime.json"), "utf8"));
  await using screen = await openScreen({ env: place.env, cwd: place.dir });
  await enter(screen, "latchkey repl", prompts(1));
  process.kill(pid, "SIGKILL");
  await screen.until(/^the runtime is gone: .*\nlatchkey>$/m);
  await enter(screen, ".exit", /\.exit\n\$$/);
});

terminal("keeps its history in order past the thirtieth line, of two at once too", async () => {
  await using place = await openPlace(fakeByDay);
  await using screen = await openScreen({ env: place.env, cwd: place.dir });
  const typed: string[] = [];
  const others: string[] = [];
  await using other = await openScreen({ env: place.env, cwd: place.dir });
  await enter(screen, "latchkey repl", prompts(1));
  await enter(other, "latchkey repl", prompts(1));
  for (let i = 0; i < 40; i++) {
    const line = i < 5 ? `"${String(i).repeat(60)}".length` : `${i} + 1`;
    typed.push(line);
    screen.type(line);
    screen.press("Enter");
    if (i % 10 !== 0) continue;
    others.push(`${i} * 2`);
    other.type(`${i} * 2`);
    other.press("Enter");
  }
  for (const each of [screen, other]) await enter(each, ".exit", /\.exit\n\$$/);
  const lines = (await readFile(join(place.state, "history"), "utf8")).trim().split("\n");
  assert.equal(
    lines.filter((line) => typed.includes(line)),
    typed,
  );
  assert.equal(
    lines.filter((line) => others.includes(line)),
    others,
  );
  await enter(screen, "latchkey repl", prompts(1));
  screen.press("Up", "Up");
  await screen.until(/latchkey> (39 \+ 1|\.exit)$/);
  screen.press("C-u");
  await enter(screen, ".exit", /\.exit\n\$$/);
});

test("prints the lines that put its names into a program", async () => {
  await using place = await openPlace(fakeByDay);
  await using _ = openRuntime(place);
  const program = latchkey(place, ["repl"], ".program\n").slice(0);
  const lines = program.slice(program.indexOf("import "));
  const { endpoint, token } = JSON.parse(await readFile(join(place.state, "runtime.json"), "utf8"));
  const use = `
    const { sessionId } = await rpc.request("session.create", {});
    const held = await hold(sessionId);
    console.log((await pending()).length, session(held.sessionId).id === sessionId, typeof events.on, await show("x"));
    await rpc.close(); await ledger.close();`;
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", lines + use], {
    cwd: packageRoot,
    env: { ...place.env, LATCHKEY_ENDPOINT: endpoint, COPILOT_CONNECTION_TOKEN: token },
    encoding: "utf8",
  });
  assert.is(stdout, "0 true function undefined\n", stderr);
  assert.not.ok(lines.includes(token));
});
