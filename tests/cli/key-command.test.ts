/** `LATCHKEY_KEY_COMMAND`: a key from a keychain or a vault. */
import { execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { deriveKey, openLedger } from "latchkey/ledger";
import * as assert from "uvu/assert";
import { latchkey, latchkeyPath, openPlace, type Place } from "../support/commands.js";
import { permissionRequest } from "../support/ledger/requests.js";
import { suite } from "../support/suite.js";

const test = suite("a key from a command");
const key = Buffer.alloc(32, 7).toString("base64url");
let place: Place;
let file: string;
let id: string;

test.before.each(async () => {
  place = await openPlace();
  file = join(place.dir, "ledger.db");
  await using ledger = await openLedger(file, { key });
  ({ id } = await ledger.record(permissionRequest()));
  await writeFile(join(place.dir, "vault"), `${key}\n`);
});
test.after.each(async () => place[Symbol.asyncDispose]());

const run = (command: string, args: readonly string[], more: NodeJS.ProcessEnv = {}, input?: string) =>
  latchkey(
    { dir: place.dir, env: { ...place.env, LATCHKEY_LEDGER: file, LATCHKEY_KEY_COMMAND: command, ...more } },
    args,
    input,
  );

test("opens the ledger, and every command that wants the key gets it from there", async () => {
  assert.is((await run("cat vault", ["ls", "--quiet"])).out, `${id}\n`);
  assert.is((await run("cat vault", ["key", "derive", "--principal", "ada"])).out.trim(), deriveKey(key, "ada"));
  assert.match((await run("cat vault", ["doctor"])).out, /what LATCHKEY_KEY_COMMAND prints opens it/);
  assert.not.ok(existsSync(`${file}.key`), "a key file was made beside it");
});

test("LATCHKEY_KEY stands before it, and an empty one counts as none", async () => {
  assert.is((await run("touch ran; false", ["ls", "--quiet"], { LATCHKEY_KEY: key })).out, `${id}\n`);
  assert.not.ok(existsSync(join(place.dir, "ran")));
  assert.is((await run("cat vault", ["ls", "--quiet"], { LATCHKEY_KEY: "" })).out, `${id}\n`);
});

test("gets nothing of what is piped into latchkey, and nothing of latchkey's own", async () => {
  const ran = await run("cat > seen; env >> seen; cat vault", ["answer", id, "--json"], {}, '{"kind":"approve-once"}');
  assert.is(ran.code, 0, ran.err);
  const { out } = await run("cat seen >&2; exit 1", ["ls"]);
  assert.is(out, "");
  await using ledger = await openLedger(file, { key });
  assert.is((await ledger.get(id))?.state, "answered");
  const seen = await readFile(join(place.dir, "seen"), "utf8");
  assert.not.match(seen, /approve-once|^LATCHKEY_(LEDGER|KEY)/m);
});

test("says how it failed, and never shows a key", async () => {
  for (const [command, said] of [
    [
      "echo 'the vault is locked' >&2; exit 7",
      /LATCHKEY_KEY_COMMAND ended with exit code 7\n {2}the vault is locked\n/,
    ],
    ["cat vault; cat vault >&2; echo no >&2; exit 1", /ended with exit code 1\n {2}…\n {2}no\n/],
    ["cat vault >&2; exit 1", /ended with exit code 1\n {2}…\n/],
    ["kill -9 $$", /ended with SIGKILL/],
    ['printf %s "$(cat vault)" "$(cat vault)"', /printed no key: LATCHKEY_KEY_COMMAND must be 32 bytes/],
    ["true", /printed no key/],
    ["printf '\\033[2Jx' >&2; false", /\\u001b\[2Jx/],
  ] as const) {
    const { code, out, err } = await run(command, ["ls"]);
    assert.is(code, 5, command);
    assert.match(err, said, command);
    assert.not.ok((out + err).includes(key.slice(0, 20)), `the key was shown by ${command}`);
  }
  const wrong = await run(`echo ${Buffer.alloc(32, 8).toString("hex")}`, ["ls"]);
  assert.is(wrong.code, 5);
  assert.match(wrong.err, /WRONG_KEY/);
});

test("is not run for the completion of a shell", async () => {
  await run("touch ran; cat vault", ["complete", "show", ""]);
  assert.not.ok(existsSync(join(place.dir, "ran")));
});

test("ends with latchkey when that is stopped meanwhile", async () => {
  const exec = "echo now > fifo; exec sleep 600";
  const env = { ...place.env, LATCHKEY_LEDGER: file, LATCHKEY_KEY_COMMAND: exec };
  execFileSync("mkfifo", [join(place.dir, "fifo")]);
  const child = spawn(process.execPath, [latchkeyPath, "ls"], { cwd: place.dir, env, stdio: "ignore" });
  const ended = new Promise<number | null>((resolve) => child.once("close", (code) => resolve(code)));
  await readFile(join(place.dir, "fifo"));
  child.kill("SIGTERM");
  assert.is(await ended, 143);
});
