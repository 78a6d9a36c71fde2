/** The list of parts (SBOM). */
import { spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { packageRoot } from "../support/commands.js";
import { suite } from "../support/suite.js";

const test = suite("what the package is made of", { timeoutMs: 90_000 });

interface Component {
  readonly group?: string;
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly hashes?: readonly unknown[];
  readonly properties?: readonly { readonly name: string }[];
}

test("the list names each dependency, and each package that is built in, with its version", async () => {
  const made = spawnSync(process.execPath, ["scripts/sbom.mjs"], { cwd: packageRoot, encoding: "utf8" });
  assert.is(made.status, 0, made.stderr);
  const sbom: { bomFormat: string; components: Component[] } = JSON.parse(
    await readFile(join(packageRoot, "build/sbom.cdx.json"), "utf8"),
  );
  assert.is(sbom.bomFormat, "CycloneDX");
  const { dependencies }: { dependencies: Record<string, string> } = JSON.parse(
    await readFile(join(packageRoot, "package.json"), "utf8"),
  );
  const bundled: string[] = JSON.parse(await readFile(join(packageRoot, "build/bundled.json"), "utf8"));
  const named = sbom.components.map(({ group, name }) => (group ? `${group}/${name}` : name));
  for (const name of [...Object.keys(dependencies), ...bundled]) assert.ok(named.includes(name), name);
  assert.is(new Set(named).size, named.length, "a package is there twice");
  assert.not.ok(named.includes("typescript") || named.includes("uvu"), "a tool of the developers is in it");
  for (const { purl, version } of sbom.components)
    assert.match(purl, new RegExp(`^pkg:npm/.*@${version.replaceAll(".", "\\.")}$`));
  // What is built into the command is there though package.json does not have it installed.
  const code = await readFile(join(packageRoot, "dist/cli/main.cjs"), "utf8");
  assert.ok(code.length > 0 && bundled.length >= Object.keys(dependencies).length);
});
