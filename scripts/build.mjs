// Builds the package (dist/), its variant with fault points (build/faults/), and the tests, examples and
// benchmarks (build/). `--dist` builds the package alone; `--no-types` leaves its declarations out.
//
// The package keeps its dependencies as imports. What several entries share goes into files of its own, so that each
// class exists once however the rooms are loaded. The command is one CommonJS file with everything inside, for a program
// that starts often should load little. Files are written by rename and only when they changed: a program that runs while
// a build goes on never reads half a file.

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { build } from "esbuild";
import { readTree, syncTree, walk } from "./files.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const lib = join(root, "lib");
const { values: options } = parseArgs({
  options: { dist: { type: "boolean", default: false }, "no-types": { type: "boolean", default: false } },
});
const problems = [];

const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
/** What a user installs beside latchkey, and so is never bundled. */
const peers = Object.keys(manifest.peerDependencies);
/** `latchkey/ledger` -> `ledger/index`: the files that package.json exports, relative to dist/ and without ending. */
const entries = new Map(
  Object.entries(manifest.exports)
    .filter(([, target]) => typeof target === "object")
    .map(([path, target]) => [path.replace(/^\./, "latchkey"), target.default.replace(/^\.\/dist\/|\.js$/g, "")]),
);
/** The REPL is loaded beside the command's file, so that what is typed in it shares the package's classes. */
const repl = "cli/repl/repl";

const common = {
  bundle: true,
  write: false,
  format: "esm",
  platform: "node",
  target: "node20.9",
  // Not tsconfig.json: its paths would put the sources in the place of the package that tests are to load.
  tsconfigRaw: { compilerOptions: { target: "es2023", verbatimModuleSyntax: true } },
  charset: "utf8",
  // The inbox's own files, which it serves as they are.
  loader: { ".css": "text", ".svg": "text", ".client.js": "text" },
  legalComments: "none",
  logLevel: "silent",
};

async function generateProtocol() {
  const target = join(lib, "protocol/generated.ts");
  const sources = ["scripts/generate-protocol.mjs", "package-lock.json", "node_modules/.package-lock.json"];
  const times = await Promise.all(
    sources.map((source) =>
      stat(join(root, source)).then(
        ({ mtimeMs }) => mtimeMs,
        () => 0,
      ),
    ),
  );
  const made = await stat(target).catch(() => undefined);
  if (made && made.mtimeMs > Math.max(...times)) return;
  await run("node", ["scripts/generate-protocol.mjs"]);
}

/** The package as ES modules. With `faults` false, `if (FAULTS)` is dead code and esbuild leaves it out. */
async function bundlePackage(faults) {
  const files = await esbuild({
    ...common,
    entryPoints: [...entries.values(), repl].map((entry) => join(lib, `${entry}.ts`)),
    outbase: lib,
    outdir: root,
    splitting: true,
    chunkNames: "shared/[hash]",
    minifySyntax: true,
    external: [...Object.keys(manifest.dependencies), ...peers],
    define: { FAULTS: String(faults) },
  });
  return new Map(files.map((file) => [relative(root, file.path), file.contents]));
}

/** The command: a launcher, and one script with all that it needs but the REPL. */
async function bundleCommand() {
  const files = await esbuild({
    ...common,
    format: "cjs",
    charset: "ascii",
    minify: true,
    entryPoints: ["cli/latchkey", "cli/main"].map((part) => join(lib, `${part}.ts`)),
    outbase: lib,
    outdir: root,
    outExtension: { ".js": ".cjs" },
    external: peers,
    define: { FAULTS: "false", "import.meta.url": "moduleUrl" },
    banner: { js: 'const moduleUrl = require("node:url").pathToFileURL(__filename).href;' },
    plugins: [replBeside],
  });
  return new Map(files.map((file) => [relative(root, file.path), file.contents]));
}

const replBeside = {
  name: "repl beside",
  setup({ onResolve }) {
    onResolve({ filter: /\/repl\/repl\.js$/ }, () => ({ path: "./repl/repl.js", external: true }));
  },
};

async function declarations() {
  const out = await mkdtemp(join(root, "node_modules/.declarations-"));
  try {
    await run("node_modules/.bin/tsc", ["-p", "tsconfig.build.json", "--outDir", out]);
    return await readTree(out);
  } finally {
    await rm(out, { recursive: true, force: true });
  }
}

/** Programs under tests/programs/faulty/ get the variant of the package with fault points. */
const faultyPackage = (outDir) => ({
  name: "faulty",
  setup({ onResolve }) {
    onResolve({ filter: /^latchkey(\/|$)/ }, ({ path }) => {
      const built = join(root, "build/faults", `${entries.get(path)}.js`);
      return { path: relative(join(root, "build", outDir), built), external: true };
    });
  },
});

async function bundlePrograms() {
  const outputs = new Map();
  const groups = new Map();
  for (const path of [
    ...(await walk(root, "tests")),
    ...(await walk(root, "examples")),
    ...(await walk(root, "bench")),
  ]) {
    const wanted =
      path.endsWith(".test.ts") || (path.endsWith(".ts") && /^(tests\/programs|examples|bench)\//.test(path));
    if (!wanted || path.endsWith(".d.ts")) continue;
    const dir = dirname(path);
    groups.set(dir, [...(groups.get(dir) ?? []), path]);
  }
  const one = async (dir, paths) => {
    const bundle = await build({
      ...common,
      entryPoints: paths.map((path) => join(root, path)),
      outbase: root,
      outdir: join(root, "build"),
      define: { FAULTS: "false" },
      sourcemap: "inline",
      sourcesContent: false,
      packages: "external",
      plugins: /^tests\/programs\/faulty(\/|$)/.test(dir) ? [faultyPackage(dir)] : [],
    });
    for (const file of bundle.outputFiles) outputs.set(relative(join(root, "build"), file.path), file.contents);
  };
  for (const [dir, paths] of groups) {
    // One broken file must not keep the others from being built.
    await one(dir, paths).catch(async () => {
      for (const path of paths) await one(dir, [path]).catch(report);
    });
  }
  return outputs;
}

/** The packages that are built into something that is published: parts of it as much as its dependencies. */
const bundled = new Set();

async function esbuild(settings) {
  try {
    const { outputFiles, metafile } = await build({ ...settings, metafile: true });
    for (const path of Object.keys(metafile.inputs)) {
      const [, name] = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path) ?? [];
      if (name !== undefined) bundled.add(name);
    }
    return outputFiles;
  } catch (error) {
    report(error);
    return [];
  }
}

function report(error) {
  if (!Array.isArray(error.errors)) throw error;
  for (const { text, location } of error.errors) {
    problems.push(location ? `${location.file}:${location.line}:${location.column}: ${text}` : text);
  }
}

function run(command, args) {
  return new Promise((done, fail) => {
    const child = spawn(command, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
    child.once("error", fail);
    child.once("exit", (code, signal) => {
      if (code !== 0) problems.push(`${command} ${args.join(" ")}: ${signal ?? `exit code ${code}`}`);
      done();
    });
  });
}

await generateProtocol();
const [js, command, faulty, dts] = await Promise.all([
  bundlePackage(false),
  bundleCommand(),
  options.dist ? undefined : bundlePackage(true),
  options["no-types"] ? [] : declarations(),
]);
await syncTree(join(root, "dist"), new Map([...js, ...command, ...dts]));
await mkdir(join(root, "build"), { recursive: true });
await writeFile(join(root, "build/bundled.json"), `${JSON.stringify([...bundled].sort())}\n`);
if (faulty) {
  await syncTree(join(root, "build/faults"), faulty);
  const programs = await bundlePrograms();
  for (const dir of ["tests", "examples", "bench"]) {
    const own = [...programs].filter(([path]) => path.startsWith(`${dir}/`));
    await syncTree(join(root, "build", dir), new Map(own.map(([path, body]) => [path.slice(dir.length + 1), body])));
  }
}
if (problems.length > 0) {
  process.stderr.write(`${problems.join("\n")}\n`);
  process.exitCode = 1;
}
