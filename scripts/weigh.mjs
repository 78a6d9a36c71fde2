// What the package weighs, and what each dependency adds to it: bytes of the part that is used, minified by esbuild, then gzipped.
// Prints one line of JSON; docs/dependencies.md shows it and tests/readme-weights.test.ts compares.

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { packagesInside, valibotFace, valibotSource } from "./bundled.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const lib = join(root, "lib");

async function weigh(contents, { external = [], plugins = [] } = {}) {
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
    external,
    plugins,
  });
  return gzipSync(outputFiles[0].contents, { level: 9 }).length;
}

const stores = ["postgres", "@photostructure/sqlite"];
const room = (name) => weigh(`export * from "${name}"`, { external: stores });
const jsonRpc = ["CancellationTokenSource", "createMessageConnection", "Emitter", "ErrorCodes", "ResponseError"];

const weights = {
  packages: {
    mitt: await weigh('export { default } from "mitt"'),
    valibot: await weigh(await valibotSource(lib), { plugins: [packagesInside(valibotFace)] }),
    "vscode-jsonrpc": await weigh(`export { ${jsonRpc} } from "vscode-jsonrpc/node"`, {
      plugins: [packagesInside("rpc/index")],
    }),
    jose: await weigh('export * from "./lib/ledger/jwe.ts"'),
  },
  rooms: {
    latchkey: await room("latchkey"),
    "latchkey/rpc": await room("latchkey/rpc"),
    "latchkey/ledger": await room("latchkey/ledger"),
  },
};
process.stdout.write(`${JSON.stringify(weights)}\n`);
