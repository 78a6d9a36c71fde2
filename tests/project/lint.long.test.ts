import { spawnSync } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import * as assert from "uvu/assert";
import { suite } from "../support/suite.js";

const root = dirname(createRequire(import.meta.url).resolve("latchkey/package.json"));

async function folder(files: Record<string, string>): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), "latchkey-lint-"));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(path, name)), { recursive: true });
    await writeFile(join(path, name), text);
  }
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

const imports = suite("import directions");

const complaints = async (files: Record<string, string>): Promise<string[]> => {
  await using lib = await folder(files);
  const args = [join(root, "scripts/check-imports.mjs"), lib.path];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  const lines = stderr.split("\n").filter(Boolean);
  assert.is(status, lines.length > 0 ? 1 : 0, stderr);
  return lines;
};

imports("accepts what the design allows", async () => {
  const lines = await complaints({
    "base/errors.ts": "export class E {}",
    "index.ts":
      'export * from "./rpc/index.js"; export * from "./pending/index.js"; export { E } from "./base/errors.js";',
    "protocol/index.ts": 'export type { A } from "./inner/a.js";',
    "protocol/inner/a.ts": 'import "../../base/errors.js"; export interface A {}',
    "rpc/index.ts": 'import mitt from "mitt"; import type { A } from "../protocol/index.js";',
    "pending/a.ts": 'import "../events/internal.js";',
    "cli/a.ts": 'import "picocolors";',
    "ledger/index.ts": 'const later = () => import("./postgres.js");',
    "ledger/postgres.ts": 'import "postgres"; import "node:fs"; import "../pending/index.js";',
  });
  assert.equal(lines, []);
});

const wrong: Array<[name: string, file: string, code: string, said: RegExp]> = [
  ["an import of a later room", "events/a.ts", 'import "../rpc/index.js";', /points the wrong way/],
  ["a type of a later room", "rpc/a.ts", 'import type { L } from "../ledger/index.js";', /points the wrong way/],
  ["a re-export of a later room", "pending/a.ts", 'export * from "../ledger/index.js";', /points the wrong way/],
  ["a deferred import", "pending/a.ts", 'await import("../ledger/index.js");', /points the wrong way/],
  ["an import type", "pending/a.ts", 'type L = import("../ledger/index.js").L;', /points the wrong way/],
  [
    "another room's inside",
    "rpc/a.ts",
    'import "../events/emitter.js";',
    /is neither "events\/index.js" nor "events\/internal.js"/,
  ],
  ["another room's inside from a subfolder", "rpc/b/a.ts", 'import "../../events/x/y.js";', /is neither/],
  ["the ledger in the thin core", "index.ts", 'export * from "./ledger/index.js";', /no part of the thin core/],
  ["a room in a file of none", "extra.ts", 'import "./rpc/index.js";', /belongs to no room/],
  ["a room in the base", "base/a.ts", 'import "../rpc/index.js";', /points the wrong way/],
  ["a package of the command", "rpc/a.ts", 'import "picocolors";', /is no dependency/],
  ["the package's own name", "cli/a.ts", 'import "latchkey/rpc";', /is no dependency/],
  ["an undeclared package", "rpc/a.ts", 'import "uvu";', /is no dependency/],
  ["a file outside", "rpc/a.ts", 'import "../../tests/a.js";', /no module of lib/],
  ["an unknown room", "extra/a.ts", 'import "../rpc/index.js";', /unknown room/],
];
for (const [name, file, code, said] of wrong) {
  imports(`refuses ${name}`, async () => {
    const lines = await complaints({ [file]: `\n${code}\nexport {};\n` });
    assert.is(lines.length, 1, lines.join("\n"));
    assert.ok(lines[0]?.startsWith(`${file}:2: `), lines[0]);
    assert.match(lines[0] ?? "", said);
  });
}

imports("refuses a circle, also one of types inside a room", async () => {
  const lines = await complaints({
    "rpc/a.ts": 'import type { B } from "./inner/b.js"; export interface A { b: B }',
    "rpc/inner/b.ts": 'export { C as B } from "./c.js";',
    "rpc/inner/c.ts": 'import type { A } from "../a.js"; export interface C { a: A }',
    "rpc/d.ts": 'import "./a.js";',
  });
  assert.equal(lines, ["a circle of imports: rpc/a.ts -> rpc/inner/b.ts -> rpc/inner/c.ts -> rpc/a.ts"]);
});

const floating = suite("floating promises");

const lint = async (body: string): Promise<string> => {
  await using project = await folder({
    "a.ts": `import { setTimeout as delay } from "node:timers/promises";
      import { createEvents } from "latchkey/events";
      import type { Rpc } from "latchkey/rpc";
      export async function run(rpc: Rpc): Promise<void> { await delay(1); ${body} }
      export const events = createEvents();\n`,
  });
  await cp(join(root, ".oxlintrc.json"), join(project.path, ".oxlintrc.json"));
  await writeFile(
    join(project.path, "tsconfig.json"),
    JSON.stringify({ compilerOptions: { strict: true, target: "es2023", module: "nodenext", types: ["node"] } }),
  );
  await mkdir(join(project.path, "node_modules"));
  await symlink(root, join(project.path, "node_modules/latchkey"));
  await symlink(join(root, "node_modules/@types"), join(project.path, "node_modules/@types"));
  await writeFile(join(project.path, "package.json"), '{ "type": "module" }');
  const args = ["--type-aware", "--format=unix", "a.ts"];
  const { status, stdout } = spawnSync(join(root, "node_modules/.bin/oxlint"), args, {
    cwd: project.path,
    encoding: "utf8",
    env: { ...process.env, OXLINT_TSGOLINT_PATH: join(root, "node_modules/.bin/tsgolint") },
  });
  assert.is(status, stdout === "" ? 0 : 1, stdout);
  return stdout;
};

floating("lets handled ones pass", async () => {
  assert.is(await lint('await delay(5); await rpc.request("ping", {}); void delay(5);'), "");
});

for (const body of ["delay(5);", 'rpc.request("ping", {});', "rpc.close();", "[1].forEach(async () => delay(1));"]) {
  floating(`refuses ${body}`, async () => {
    assert.match(await lint(body), /typescript\((no-floating-promises|no-misused-promises)\)/);
  });
}
