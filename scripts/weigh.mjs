// What the package weighs, and what each dependency adds to it: bytes of the part that is used, minified by esbuild, then gzipped.
// Prints one line of JSON; docs/dependencies.md shows it and tests/project/weights.test.ts compares.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { walk } from "./files.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const lib = join(root, "lib");

async function weigh(contents) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: root },
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    platform: "node",
    target: "node20.9",
    logLevel: "silent",
    legalComments: "none",
    // The package is weighed as it was built.
    tsconfigRaw: {},
    external: ["postgres", "@photostructure/sqlite"],
  });
  return gzipSync(outputFiles[0].contents, { level: 9 }).length;
}

/** What lib/ uses of valibot, and of nothing else in it. */
async function usedOfValibot() {
  const valibot = await import("valibot");
  const used = new Set();
  for (const path of await walk(lib)) {
    if (!path.endsWith(".ts")) continue;
    const text = await readFile(join(lib, path), "utf8");
    for (const [, name] of text.matchAll(/\bv\.(\w+)/g)) if (name in valibot) used.add(name);
  }
  return [...used].sort().join(", ");
}

/** With what it loads later, too. */
const room = (name) => weigh(`export * from "${name}"`);
/** What lib/oauth uses of oauth4webapi. */
async function usedOfOAuth() {
  const used = new Set();
  for (const path of await walk(join(lib, "oauth"))) {
    const text = await readFile(join(lib, "oauth", path), "utf8");
    for (const [, name] of text.matchAll(/\boauth\.([a-z]\w+|None|ClientSecretPost|PrivateKeyJwt)/g)) used.add(name);
  }
  const itself = await import("oauth4webapi");
  return [...used]
    .filter((name) => name in itself)
    .sort()
    .join(", ");
}

const jsonRpc = ["CancellationTokenSource", "createMessageConnection", "Emitter", "ErrorCodes", "ResponseError"];

const weights = {
  packages: {
    mitt: await weigh('export { default } from "mitt"'),
    valibot: await weigh(`export { ${await usedOfValibot()} } from "valibot"`),
    "vscode-jsonrpc": await weigh(`export { ${jsonRpc} } from "vscode-jsonrpc/node"`),
    jose: await weigh('export * from "./lib/ledger/seal/jwe.ts"'),
    oauth4webapi: await weigh(`export { ${await usedOfOAuth()} } from "oauth4webapi"`),
  },
  rooms: {
    latchkey: await room("latchkey"),
    "latchkey/rpc": await room("latchkey/rpc"),
    "latchkey/ledger": await room("latchkey/ledger"),
    "latchkey/oauth": await room("latchkey/oauth"),
    "latchkey/inbox": await room("latchkey/inbox"),
  },
};
process.stdout.write(`${JSON.stringify(weights)}\n`);
