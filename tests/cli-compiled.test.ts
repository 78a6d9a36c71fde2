/** The code of a command that V8 made once is read by later runs, and only when nobody else can have written it. */
import { chmod, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { latchkey, openPlace, type Place } from "./support/commands.js";
import { suite } from "./support/suite.js";

const test = suite("the compiled command", { timeoutMs: 30_000 });
let place: Place;
let folder: string;
test.before.each(async () => {
  place = await openPlace();
  folder = join(place.dir, "cache/latchkey");
});
test.after.each(async () => await place[Symbol.asyncDispose]());

const cached = (): Promise<string[]> => readdir(folder).catch(() => []);
const version = async (env: NodeJS.ProcessEnv = place.env): Promise<void> => {
  const { code, out, err } = await latchkey({ ...place, env }, ["--version"]);
  assert.is(code, 0, err);
  assert.is(err, "");
  assert.match(out, /^\d+\.\d+\.\d+\n$/);
};
const only = async (): Promise<string> => {
  const names = await cached();
  assert.is(names.length, 1, names.join(" "));
  return join(folder, names[0] ?? "");
};

test("is written once, for its owner alone, and read from then on", async () => {
  await version();
  const path = await only();
  const { mode, ino, size } = await stat(path);
  assert.is(mode & 0o777, 0o600);
  assert.is((await stat(folder)).mode & 0o777, 0o700);
  assert.ok(size > 10_000);
  await version();
  assert.is((await stat(await only())).ino, ino);
  // Not read, it would be written anew: V8 refuses the code of another script.
  await writeFile(path, (await readFile(path)).fill(0, 0, 16));
  await version();
  assert.is.not((await stat(await only())).ino, ino);
});

for (const mode of [0o622, 0o640, 0o604])
  test(`is not taken from a file of mode ${mode.toString(8)}`, async () => {
    await version();
    const path = await only();
    const { ino } = await stat(path);
    await chmod(path, mode);
    await version();
    const now = await stat(await only());
    assert.is.not(now.ino, ino);
    assert.is(now.mode & 0o777, 0o600);
  });

test("of an older script goes away", async () => {
  await version();
  const path = await only();
  await rename(path, path.replace(/\w+$/, "0123456789abcdef"));
  await version();
  assert.is(await only(), path);
});

test("is left alone when Node's own variable says so, and by what does not exist", async () => {
  await version({ ...place.env, NODE_DISABLE_COMPILE_CACHE: "1" });
  assert.is((await latchkey(place, ["lst"])).code, 2);
  assert.is((await latchkey(place, ["../../escape"])).code, 2);
  assert.equal(await cached(), []);
});

test("is no condition: without a place for it everything works", async () => {
  await writeFile(join(place.dir, "cache"), "a file");
  await version();
  await rm(join(place.dir, "cache"));
  await mkdir(join(folder, "a folder"), { recursive: true });
  await version();
});
