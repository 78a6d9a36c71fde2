import { execFile } from "node:child_process";
import { chmod, chown, lchown, mkdir, readdir, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { openLedger } from "latchkey/ledger";
import * as assert from "uvu/assert";
import { key, type Place, sqlitePlace } from "../support/ledger/place.js";
import { oauthRequest } from "../support/ledger/requests.js";
import { rejects, suite } from "../support/suite.js";

const test = suite("the files of a ledger on SQLite");
const root = dirname(createRequire(import.meta.url).resolve("latchkey/package.json"));
const program = join(root, "build/tests/programs/rough-files.js");
const run = promisify(execFile);
let place: Place;
test.before(async () => {
  place = await sqlitePlace();
});
test.after(async () => {
  await place[Symbol.asyncDispose]();
});

interface Said {
  readonly opened?: true;
  readonly name?: string;
  readonly code?: string;
  readonly message?: string;
}

async function opens(rule: string, file: string): Promise<Said[]> {
  const { LATCHKEY_KEY: _, ...env } = process.env;
  const { stdout } = await run(process.execPath, [program, rule, file], { env });
  return stdout
    .trim()
    .split("\n")
    .map((line): Said => JSON.parse(line));
}

const opened: Said[] = [{ opened: true }, { opened: true }];
const stranger = 65534;

/** Root gives a file to somebody else; anybody else is somebody else. The rule is for the program that then opens it. */
async function estrange(path: string, { link = false } = {}): Promise<string> {
  if (process.geteuid?.() !== 0) return `user:${stranger}`;
  await (link ? lchown : chown)(path, stranger, stranger);
  return "none";
}

async function made(): Promise<string> {
  const location = await place.location();
  await (await openLedger(location)).close();
  return location;
}

for (const rule of [
  "folder-fsync:EPERM",
  "folder-fsync:EINVAL",
  "link:EPERM",
  "link:ENOTSUP",
  "chmod:EPERM",
  "fchmod:EPERM",
  "user:none",
]) {
  test(`a file system or a platform without it (${rule}): opens, with one key and no draft of it`, async () => {
    const file = await place.location();
    assert.equal(await opens(rule, file), opened);
    const keys = (await readdir(dirname(file))).filter((name) => name.includes(".key"));
    assert.equal(keys, ["ledger.db.key"]);
  });
}

test("a key that cannot be made is a LedgerError, and leaves no draft", async () => {
  for (const rule of ["link:EIO", "fsync:EIO"]) {
    const file = await place.location();
    const [first, second] = await opens(rule, file);
    for (const said of [first, second]) assert.is(said?.name, "LedgerError", JSON.stringify(said));
    const left = (await readdir(dirname(file))).filter((name) => name.includes(".key"));
    assert.equal(left, [], rule);
  }
});

test("a database file or a key of another user is refused, and said whose it is", async () => {
  const file = await made();
  const others = await estrange(file);
  const [said] = await opens(others, file);
  assert.equal([said?.name, said?.code], ["LedgerError", "DATABASE"]);
  const whose = process.geteuid?.() === 0 ? stranger : process.geteuid?.();
  assert.match(said?.message ?? "", new RegExp(`ledger.db.* belongs to user ${whose}`));

  const second = await made();
  const rule = await estrange(`${second}.key`);
  if (rule !== "none") return;
  const [refused] = await opens(rule, second);
  assert.equal([refused?.name, refused?.code], ["LedgerError", "WRONG_KEY"]);
  assert.match(refused?.message ?? "", /ledger.db.key" belongs to user 65534/);
});

test("a file that others may write is refused: database, journal or key", async () => {
  for (const [end, code] of [
    ["", "DATABASE"],
    ["-wal", "DATABASE"],
    [".key", "WRONG_KEY"],
  ] as const) {
    const file = await made();
    await writeFile(`${file}${end}`, "", { flag: "a" });
    await chmod(`${file}${end}`, 0o666);
    await rejects(openLedger(file), { name: "LedgerError", code, message: /can be written by others \(mode 0666\)/ });
    await chmod(`${file}${end}`, 0o600);
    await (await openLedger(file)).close();
  }
});

test("a file that others may only read becomes private", async () => {
  const file = await made();
  await chmod(file, 0o644);
  await (await openLedger(file)).close();
  assert.is((await stat(file)).mode & 0o777, 0o600);
});

test("a link of one's own is followed; one that somebody else planted is refused, to the file or to its folder", async () => {
  const file = await made();
  const folder = dirname(await place.location());
  await mkdir(folder, { recursive: true });
  await symlink(file, join(folder, "own.db"));
  await symlink(`${file}.key`, join(folder, "own.db.key"));
  await (await openLedger(join(folder, "own.db"))).close();

  const planted = join(folder, "planted.db");
  await symlink(file, planted);
  const rule = await estrange(planted, { link: true });
  const [said] = await opens(rule, planted);
  assert.equal([said?.name, said?.code], ["LedgerError", "DATABASE"]);
  assert.match(said?.message ?? "", /planted.db" of user \d+/);

  const detour = join(folder, "detour");
  await symlink(dirname(file), detour);
  await estrange(detour, { link: true });
  const [through] = await opens(rule, join(detour, "ledger.db"));
  assert.match(through?.message ?? "", /detour" of user \d+/);
});

test("a text file is no ledger: DATABASE, with SQLite's own words", async () => {
  const file = await place.location();
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, "not a database ".repeat(400), { mode: 0o600 });
  await rejects(openLedger(file, { key }), { code: "DATABASE", message: /SQLite refused: file is not a database/ });
});

/** What happens to the file behind our back. */
const mishaps: Record<string, (file: string) => Promise<void>> = {
  removed: (file) => rm(file),
  moved: (file) => rename(file, `${file}.aside`),
  async replaced(file) {
    const other = await made();
    await rename(other, file);
  },
  "left without its journal": (file) => rm(`${file}-wal`),
  "left without its shared memory": (file) => rm(`${file}-shm`),
};

for (const [name, happen] of Object.entries(mishaps)) {
  test(`a file that was ${name}: the next write says UNAVAILABLE, and nothing is acknowledged`, async () => {
    const file = await place.location();
    await using ledger = await openLedger(file, { key });
    const { id } = await ledger.record(oauthRequest());
    await happen(file);
    const problem = { code: "UNAVAILABLE", message: /removed, moved or replaced/ };
    await rejects(ledger.record(oauthRequest({ serverName: "other" })), problem);
    await rejects(ledger.cancel(id), problem);
    await rejects(ledger.list(), problem);
  });
}

test("a file that is put back is written to again", async () => {
  const file = await place.location();
  await using ledger = await openLedger(file, { key });
  await rename(file, `${file}.aside`);
  await rejects(ledger.record(oauthRequest()), { code: "UNAVAILABLE" });
  await rename(`${file}.aside`, file);
  const { id } = await ledger.record(oauthRequest());
  await using other = await openLedger(file, { key });
  assert.is((await other.get(id))?.id, id);
});
