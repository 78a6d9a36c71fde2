/** `latchkey answer`, `ls`, `show`, `cancel` and their exit codes, on a ledger that a test filled. */
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { type Entry, type Ledger, openLedger } from "latchkey/ledger";
import { pendingRequest } from "latchkey/pending";
import * as assert from "uvu/assert";
import { latchkey, openPlace, type Place } from "../support/commands.js";
import { suite } from "../support/suite.js";
import { hasTmux, openScreen } from "../support/tmux.js";

const test = suite("latchkey answer and its neighbours");
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

const record = (type: string, data: Record<string, unknown>): Promise<Entry> =>
  ledger.record(
    pendingRequest({ type, data: { requestId: `request-${++made}`, ...data } }, { sessionId: "s-1", principal: "ada" }),
  );
const oauth = (): Promise<Entry> =>
  record("mcp.oauth_required", {
    serverName: "notes",
    serverUrl: `http://127.0.0.1:9/mcp/${made}`,
    reason: "initial",
    staticClientConfig: { clientId: "c", clientSecret: "hidden-client-secret" },
  });
const permission = (): Promise<Entry> =>
  record("permission.requested", { permissionRequest: { kind: "shell", fullCommandText: "rm -rf\u001b[2J build" } });

/** The answer that is kept for an entry, as a deliverer gets it. */
const kept = async (id: string): Promise<unknown> => (await ledger.deliver(id, { owner: "test" }))?.answer;

test("takes a token from a pipe", async () => {
  const { id } = await oauth();
  const ran = await latchkey(place, ["answer", id.slice(0, 8), "--expires-in", "60", "--account", "Ada"], "a-token\n");
  assert.is(ran.code, 0, ran.err);
  assert.is(ran.out, `${id.slice(0, 8)} answered\n`);
  assert.is((await ledger.get(id))?.account, "Ada");
  assert.equal(await kept(id), { kind: "token", accessToken: "a-token", expiresIn: 60 });
});

const terminal = hasTmux ? test : (name: string): void => test.skip(name, "there is no tmux");
terminal("asks for a token at a terminal and does not show it", async () => {
  const { id } = await oauth();
  await using screen = await openScreen({ env: place.env, cwd: place.dir });
  screen.type(`latchkey answer ${id}`);
  screen.press("Enter");
  await screen.until(/\(not shown\):$/);
  assert.match((await ledger.get(id))?.claim?.owner ?? "", /^latchkey answer \d+$/, "a broker could work on it too");
  screen.type("typed-token");
  screen.press("Enter");
  const shown = await screen.until(/answered\n\$$/);
  assert.not.match(shown, /typed-token/);
  assert.equal(await kept(id), { kind: "token", accessToken: "typed-token" });
});

terminal("is interrupted at its prompt by Control-C, and answers nothing", async () => {
  const { id } = await oauth();
  await using screen = await openScreen({ env: place.env, cwd: place.dir });
  screen.type(`latchkey answer ${id}; echo code $?`);
  screen.press("Enter");
  await screen.until(/\(not shown\):$/);
  screen.press("C-c");
  await screen.until(/code 130/);
  assert.is((await ledger.get(id))?.state, "open");
});

test("takes it from a command, which gets the request and nothing of latchkey's own", async () => {
  const { id } = await oauth();
  const seen = join(place.dir, "seen");
  const env = {
    ...place.env,
    LATCHKEY_LEDGER: join(place.state, "ledger.db"),
    COPILOT_CONNECTION_TOKEN: "runtime-token",
  };
  const exec = `cat > ${seen}; env >> ${seen}; ps -o args= -p $PPID >> ${seen}; echo from-a-command`;
  const ran = await latchkey({ ...place, env }, ["answer", id, "--exec", exec]);
  assert.is(ran.code, 0, ran.err);
  assert.equal(await kept(id), { kind: "token", accessToken: "from-a-command" });
  const text = await readFile(seen, "utf8");
  assert.match(text, /hidden-client-secret/);
  assert.not.match(text, /^(LATCHKEY_(?!NO_SKIPS=|TEST_RUN=|TEST_REPORT=)|COPILOT_)/m);
  assert.not.match(text, /runtime-token/);
});

test("says yes and no", async () => {
  const [first, second] = [await permission(), await permission()];
  assert.is((await latchkey(place, ["answer", first.id, "--approve-once"])).code, 0);
  assert.is((await latchkey(place, ["answer", second.id, "--deny", "--feedback", "not today"])).code, 0);
  assert.equal(await kept(first.id), { kind: "approve-once" });
  assert.equal(await kept(second.id), { kind: "reject", feedback: "not today" });
});

test("takes any kind as JSON, and refuses what does not fit it without repeating it", async () => {
  const asked = await record("elicitation.requested", { message: "Which colour?" });
  const wrong = await latchkey(place, ["answer", asked.id, "--json"], '{"action":"perhaps-secret"}');
  assert.is(wrong.code, 8);
  assert.not.match(wrong.err, /perhaps-secret/);
  const right = await latchkey(place, ["answer", asked.id, "--json"], '{"action":"accept","content":{"colour":"red"}}');
  assert.is(JSON.parse(right.out).state, "answered");
  assert.equal(await kept(asked.id), { action: "accept", content: { colour: "red" } });
});

test("tells by its exit code what was wrong", async () => {
  const { id } = await oauth();
  const codes = async (...args: string[]): Promise<number | null> => (await latchkey(place, args, "x")).code;
  assert.is(await codes("answer"), 2);
  assert.is(await codes("answer", id, "--token", "x"), 2);
  assert.is(await codes("answer", "00000000"), 3);
  await using claim = await ledger.claim({ id }, { owner: "somebody" });
  assert.ok(claim);
  assert.is(await codes("answer", id), 4);
  await claim.release();
  assert.is(await codes("cancel", id, "--reason", "over"), 0);
  assert.is(await codes("answer", id), 4);
  assert.is(await codes("ls", "--ledger", join(place.dir, "none.db")), 5);
  assert.is(await codes("nonsense"), 2);
  const wrongKey = { ...place, env: { ...place.env, LATCHKEY_KEY: Buffer.alloc(32, 1).toString("base64") } };
  assert.is((await latchkey(wrongKey, ["ls"])).code, 5);
});

test("lists for people and for programs, without what would move a terminal's cursor", async () => {
  const { id } = await permission();
  const people = await latchkey(place, ["ls"]);
  assert.match(
    people.out,
    /^ID +STATE +KIND +WHAT +FOR +AGE +SESSION\n[\w-]{8} +open +permission\.requested +shell rm -rf\\u001b\[2J build +ada +\d+s +s-1\n/,
  );
  assert.is(JSON.parse((await latchkey(place, ["ls", "--json"])).out).id, id);
  assert.is((await latchkey(place, ["ls", "--quiet", "--kind", "mcp"])).code, 2);
  assert.is((await latchkey(place, ["ls", "--quiet", "--kind", "permission"])).out, `${id}\n`);
  const shown = await latchkey(place, ["show", id]);
  assert.match(shown.out, /\\u001b\[2J/);
  assert.match((await latchkey(place, ["receipts", id])).out, /open/);
  for (const { out } of [people, shown]) assert.not.ok(out.includes("\u001b"));
});

test("watches every transition until it is stopped", async () => {
  const watching = latchkey(place, ["ls", "--watch", "--json"], undefined, async (line, child) => {
    if (JSON.parse(line).state === "answered") child.kill("SIGTERM");
    else await ledger.answer(first.id, { kind: "approve-once" });
  });
  const first = await permission();
  const { code, out } = await watching;
  assert.is(code, 0);
  assert.is(JSON.parse(out.trim().split("\n").at(-1) ?? "").state, "answered");
});

test("leaves nothing that others could read", async () => {
  await oauth();
  await latchkey(place, ["doctor"]);
  for (const name of await readdir(place.state))
    assert.is((await stat(join(place.state, name))).mode & 0o077, 0, `${name} is open to others`);
  assert.is((await stat(place.state)).mode & 0o077, 0);
});
