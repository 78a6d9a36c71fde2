/** The suite runs on the oldest Node that is supported; a smoke of it on the newest, which has SQLite built in. */
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import * as assert from "uvu/assert";
import { suite } from "../support/suite.js";

const files = ["events/interest", "scenarios/oauth-lifecycle", "ledger/sqlite"];

const root = dirname(createRequire(import.meta.url).resolve("latchkey/package.json"));
const home = join(root, "scripts/newest-node");
const platform = `${process.platform}-${process.arch}`;
const newest = join(home, `node_modules/node-${platform}/bin/node`);
const supported = ["linux-x64", "linux-arm64", "darwin-x64"].includes(platform);

const test = suite("the newest Node", { timeoutMs: 120_000 });

const say = (command: string, args: string[]): string => {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: root, encoding: "utf8" });
  assert.is(status, 0, `${stdout}\n${stderr}\n${error ?? ""}`);
  return stdout.trim();
};

if (supported) {
  test.before(() => {
    say(process.execPath, ["scripts/tools.mjs", "newest-node"]);
  });
  test("is newer than this one", () => {
    const version = say(newest, ["--version"]);
    assert.ok(Number.parseInt(version.slice(1), 10) >= 26, version);
  });
  for (const file of files) {
    test(`runs ${file}`, () => {
      say(process.execPath, ["scripts/test.mjs", "--from", "build/tests", "--node", newest, `${file}.test.js`]);
    });
  }
} else {
  test.skip("runs the tests", `no Node from npm for ${platform}`);
}
