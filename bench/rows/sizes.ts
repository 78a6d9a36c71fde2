import { createRequire } from "node:module";
import { dirname, relative } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const root = dirname(createRequire(import.meta.url).resolve("latchkey/package.json"));

/** What an entry may weigh at most: bundled with all its dependencies, minified, gzipped. Bytes. */
export const budgets: Readonly<Record<string, number>> = {
  latchkey: 40_000,
  "latchkey/rpc": 29_000,
  "latchkey/events": 3_000,
  "latchkey/pending": 16_000,
  "latchkey/ledger": 40_000,
  "latchkey/ledger/postgres": 40_000,
  "latchkey/keeper": 24_000,
  "latchkey/oauth": 28_000,
  "latchkey/tracing": 1_500,
  "latchkey/inbox": 72_000,
  "latchkey/otel": 5_000,
  "latchkey/testing": 36_000,
};

export interface Size {
  readonly minified: number;
  readonly gzipped: number;
}

/**
 * An entry as a user's bundler would take it in, with all its dependencies: what is loaded with it. What is loaded later, such as
 * what starts a runtime, lies in files of its own. Optional peers and what Node has stay outside.
 */
export async function sizeOf(entry: string): Promise<Size> {
  const { outputFiles, metafile } = await build({
    stdin: { contents: `export * from "${entry}"`, resolveDir: root, sourcefile: "entry.js" },
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    splitting: true,
    outdir: root,
    absWorkingDir: root,
    format: "esm",
    platform: "node",
    target: "node20.9",
    external: ["@opentelemetry/api", "postgres", "@photostructure/sqlite", "koffi"],
    // The paths of tsconfig.json would put the sources in the place of the package.
    tsconfigRaw: {},
    legalComments: "none",
    logLevel: "silent",
  });
  const loaded = new Set<string>();
  const load = (path: string): void => {
    if (loaded.has(path)) return;
    loaded.add(path);
    for (const { path: next, kind, external } of metafile.outputs[path]?.imports ?? [])
      if (kind === "import-statement" && !external) load(next);
  };
  const [first] = Object.entries(metafile.outputs).flatMap(([path, { entryPoint }]) =>
    entryPoint === "entry.js" ? [path] : [],
  );
  load(first ?? "");
  const bytes = Buffer.concat(
    outputFiles.filter(({ path }) => loaded.has(relative(root, path))).map(({ contents }) => contents),
  );
  return { minified: bytes.length, gzipped: gzipSync(bytes, { level: 9 }).length };
}
