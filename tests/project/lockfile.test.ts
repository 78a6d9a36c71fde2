/**
 * `npm ci` refuses a lock file that lacks an optional package of any platform, and npm leaves those out that its
 * registry does not offer at the moment. Such an entry is to be written by hand, without its integrity.
 */

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import * as assert from "uvu/assert";
import { suite } from "../support/suite.js";

interface Locked {
  readonly version?: string;
  readonly dependencies?: Record<string, string>;
  readonly devDependencies?: Record<string, string>;
  readonly optionalDependencies?: Record<string, string>;
}
type Packages = Record<string, Locked>;

const root = dirname(createRequire(import.meta.url).resolve("latchkey/package.json"));
const read = async (path: string) => JSON.parse(await readFile(`${root}/${path}`, "utf8"));

/** Where a package finds its dependency: in its own folder or in one above. */
function resolve(packages: Packages, from: string, name: string): string | undefined {
  const key = `${from === "" ? "" : `${from}/`}node_modules/${name}`;
  if (key in packages) return key;
  return from === ""
    ? undefined
    : resolve(packages, from.slice(0, Math.max(0, from.lastIndexOf("/node_modules/"))), name);
}

function missing(packages: Packages): string[] {
  return Object.entries(packages).flatMap(([from, { dependencies, devDependencies, optionalDependencies }]) =>
    Object.keys({ ...dependencies, ...devDependencies, ...optionalDependencies })
      .filter((name) => resolve(packages, from, name) === undefined)
      .map((name) => `${from || "the package"} needs ${name}`),
  );
}

const test = suite("the lock file");

const folders = ["", "newest-node", "conformance", "api-reference", "mcp-servers", "site", "queues"];
for (const folder of folders.map((name) => name && `scripts/${name}/`)) {
  test(`${folder}package-lock.json holds every package, those of other platforms too`, async () => {
    const { packages }: { packages: Packages } = await read(`${folder}package-lock.json`);
    assert.equal(missing(packages), []);
  });
}

test("a missing package is seen", () => {
  const packages = {
    "": { devDependencies: { a: "1" } },
    "node_modules/a": { optionalDependencies: { b: "1", c: "1" } },
    "node_modules/a/node_modules/b": { dependencies: { a: "1" } },
  };
  assert.equal(missing(packages), ["node_modules/a needs c"]);
});

test("it belongs to the manifest, and names no registry", async () => {
  const manifest = await read("package.json");
  const text = await readFile(`${root}/package-lock.json`, "utf8");
  const { packages } = JSON.parse(text);
  for (const kind of ["dependencies", "devDependencies", "peerDependencies"]) {
    assert.equal(packages[""][kind], manifest[kind], kind);
  }
  assert.not.match(text, /"resolved"/);
});
