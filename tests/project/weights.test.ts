/** The weights that docs/dependencies.md prints are those of the package as it was built. */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import * as assert from "uvu/assert";
import { suite } from "../support/suite.js";

const root = dirname(createRequire(import.meta.url).resolve("latchkey/package.json"));
const test = suite("weights in the docs");

test("are right within a twentieth", async () => {
  const page = await readFile(join(root, "docs/dependencies.md"), "utf8");
  const printed = new Map(
    [...page.matchAll(/^\| `([^`]+)`.*?\| (\d+)\b/gm)].map(([, name, bytes]) => [name, Number(bytes)]),
  );
  const { stdout } = await promisify(execFile)(process.execPath, [join(root, "scripts/weigh.mjs")]);
  const { packages, rooms }: Record<"packages" | "rooms", Record<string, number>> = JSON.parse(stdout);
  for (const [name, bytes] of Object.entries({ ...packages, ...rooms })) {
    const shown = printed.get(name);
    assert.ok(
      shown !== undefined && Math.abs(shown - bytes) <= bytes / 20,
      `${name}: ${shown} is printed, ${bytes} measured`,
    );
  }
});
