import { createRequire } from "node:module";
import { dirname } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const root = dirname(createRequire(import.meta.url).resolve("latchkey/package.json"));

/** What an entry may weigh at most: bundled with all its dependencies, minified, gzipped. Bytes. */
export const budgets: Readonly<Record<string, number>> = {
  latchkey: 36_000,
  "latchkey/rpc": 29_000,
  "latchkey/events": 3_000,
  "latchkey/pending": 14_000,
  "latchkey/ledger": 40_000,
  "latchkey/ledger/postgres": 40_000,
  "latchkey/keeper": 24_000,
  "latchkey/oauth": 28_000,
  "latchkey/testing": 24_000,
};

export interface Size {
  readonly minified: number;
  readonly gzipped: number;
}

/** An entry as a user's bundler would take it in, whole. Optional peers and what Node has stay outside. */
export async function sizeOf(entry: string): Promise<Size> {
  const { outputFiles } = await build({
    stdin: { contents: `export * from "${entry}"`, resolveDir: root },
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    platform: "node",
    target: "node20.9",
    external: ["postgres", "@photostructure/sqlite", "koffi"],
    // The paths of tsconfig.json would put the sources in the place of the package.
    tsconfigRaw: {},
    legalComments: "none",
    logLevel: "silent",
  });
  const bytes = Buffer.concat(outputFiles.map(({ contents }) => contents));
  return { minified: bytes.length, gzipped: gzipSync(bytes, { level: 9 }).length };
}
