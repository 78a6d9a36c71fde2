/** A release: version, changelog, the workflow that publishes, and what package.json says was tested. */
import { spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { packageRoot } from "../support/commands.js";
import { suite } from "../support/suite.js";

const test = suite("a release");
const read = (path: string): Promise<string> => readFile(join(packageRoot, path), "utf8");
const manifest: {
  version: string;
  engines: { node: string };
  peerDependenciesMeta: Record<string, { tested?: string }>;
} = JSON.parse(await read("package.json"));

const release = (tag: string) =>
  spawnSync(process.execPath, ["scripts/release.mjs", tag], { cwd: packageRoot, encoding: "utf8" });

test("its tag, package.json, the lock file, the README and the changelog agree on the version", () => {
  const { status, stdout, stderr } = release(`v${manifest.version}`);
  assert.is(status, 0, stderr);
  assert.match(stdout, /### Added/);
  assert.not.match(stdout, /^## /m);
  const other = release("v9.9.9");
  assert.equal([other.status, other.stdout], [1, ""]);
  assert.match(other.stderr, /the tag is "v9\.9\.9"/);
});

test("the workflow pins every action, has no right that it does not need, and publishes with provenance", async () => {
  const workflow = await read(".github/workflows/release.yml");
  const uses = [...workflow.matchAll(/uses: (\S+)/g)].map(([, action = ""]) => action);
  assert.ok(uses.length >= 4);
  for (const action of uses) assert.match(action, /@[0-9a-f]{40}$/);
  assert.match(workflow, /^permissions: \{\}$/m);
  assert.match(workflow, /^ +id-token: write/m);
  assert.match(workflow, /npm publish --provenance/);
  assert.not.match(workflow, /secrets\./);
  const { scripts }: { scripts: Record<string, string> } = JSON.parse(await read("package.json"));
  for (const [, name = ""] of workflow.matchAll(/npm run (\S+)/g)) assert.ok(name in scripts, name);
});

test("engines and peers are those of the table of what was tried", async () => {
  const page = await read("docs/runtimes.md");
  const nodes = [...page.matchAll(/^\| Node (\d+)\.(\d+)\.\d+ \|/gm)].map(([, major, minor]) => [
    Number(major),
    Number(minor),
  ]);
  const [oldest] = nodes.sort(([a = 0, b = 0], [c = 0, d = 0]) => a - c || b - d);
  assert.is(manifest.engines.node, `>=${oldest?.join(".")}`);
  const tested = Object.entries(manifest.peerDependenciesMeta).flatMap(([name, { tested }]) =>
    tested ? [`${name} ${tested}`] : [],
  );
  assert.ok(tested.length >= 2);
  for (const each of tested)
    assert.match(page, new RegExp(`^\\| \\S+ \\| ${each.replaceAll(".", "\\.")} \\| yes`, "m"));
});
