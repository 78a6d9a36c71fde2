// Builds the package (dist/), its variant with fault points (build/faults/), and the tests, examples and
// benchmarks (build/). `--dist` builds the package alone.
//
// Every face of a room becomes one bundled file; what belongs to another face stays an import, so that each
// class exists once however the rooms are loaded. The command is the exception, for it is started for every line that somebody
// types: what it needs is one script of its own. Files are written by rename and only when they changed: a program
// that runs while a build goes on never reads half a file.

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { build } from "esbuild";
import { importOf, licences, packagesInside, valibotFace, valibotItself, valibotSource } from "./bundled.mjs";
import { readTree, syncTree, walk } from "./files.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const lib = join(root, "lib");
const { values: options } = parseArgs({ options: { dist: { type: "boolean", default: false } } });
const problems = [];

const faces = [
  "errors",
  "index",
  "protocol/index",
  "events/index",
  "rpc/index",
  "pending/index",
  "ledger/index",
  "ledger/jwe",
  "ledger/sqlite",
  "ledger/postgres",
  "cli/repl",
];
/** What the command's script leaves to the package's own files: jose has no CommonJS form, the REPL is to share its classes. */
const besideTheCommand = ["ledger/jwe", "cli/repl"];

const common = {
  bundle: true,
  write: false,
  format: "esm",
  platform: "node",
  target: "node20.9",
  packages: "external",
  // Not tsconfig.json: its paths would put the sources in the place of the package that tests are to load.
  tsconfigRaw: { compilerOptions: { target: "es2023", verbatimModuleSyntax: true } },
  charset: "utf8",
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

/** The command: a launcher, and one script with all that it needs. lib/cli/compiled.ts reads its last line. */
async function bundleCommand() {
  const outputs = new Map();
  for (const part of ["cli/latchkey", "cli/main"]) {
    const [file] = await esbuild({
      ...common,
      format: "cjs",
      charset: "ascii",
      minify: true,
      entryPoints: [join(lib, `${part}.ts`)],
      outdir: root,
      outExtension: { ".js": ".cjs" },
      define: { FAULTS: "false", "import.meta.url": "moduleUrl" },
      banner: { js: 'const moduleUrl = require("node:url").pathToFileURL(__filename).href;' },
      plugins: [onlyBeside(part), packagesInside(valibotFace)],
    });
    if (file === undefined) continue;
    outputs.set(`${part}.cjs`, part === "cli/main" ? asFunction(file.text) : file.contents);
  }
  return outputs;
}

/** The form that `runCompiled` takes. */
function asFunction(text) {
  const body = text.replace(/\bimport\((?=")/g, "load(");
  if (/\bimport\(/.test(body)) problems.push("the command's script has an import() that it cannot do");
  const hash = createHash("sha256").update(body).digest("hex").slice(0, 16);
  return Buffer.from(`(function (require, __filename, load) {${body}})\n// ${hash}\n`);
}

/** What a relative import means, below `lib` and without its ending. */
const targetOf = (path, resolveDir) => relative(lib, resolve(resolveDir, path)).replace(/\.js$/, "");

const onlyBeside = (part) => ({
  name: "beside the command",
  setup({ onResolve }) {
    onResolve({ filter: /^\.{1,2}\// }, ({ path, resolveDir }) => {
      const target = targetOf(path, resolveDir);
      if (besideTheCommand.includes(target)) return importOf(target, part);
    });
  },
});

/** Imports of another face stay imports; a file of another room that is no face is an error. */
const facesStayApart = (face) => ({
  name: "faces",
  setup({ onResolve }) {
    onResolve({ filter: /^\.{1,2}\// }, ({ path, resolveDir, kind }) => {
      if (kind === "entry-point" || !resolveDir.startsWith(lib)) return;
      const target = targetOf(path, resolveDir);
      if (target === face) return;
      if (!faces.includes(target)) {
        const room = dirname(face);
        if (target.startsWith(`${room}/`) || (room === "." && !target.includes("/"))) return;
        return { errors: [{ text: `"${target}" is not a face that "${face}" may import` }] };
      }
      return importOf(target, face);
    });
  },
});

async function bundleFaces(faults) {
  const outputs = new Map();
  for (const face of faces) {
    const bundle = await esbuild({
      ...common,
      entryPoints: [join(lib, `${face}.ts`)],
      outbase: lib,
      outdir: root,
      define: { FAULTS: String(faults) },
      plugins: [facesStayApart(face), packagesInside(face)],
    });
    for (const file of bundle)
      outputs.set(relative(root, file.path), faults ? file.contents : withoutFaults(file.text));
  }
  const vendor = await esbuild({
    ...common,
    stdin: { contents: await valibotSource(lib), resolveDir: root },
    plugins: [packagesInside(valibotFace)],
  });
  for (const file of vendor) outputs.set(`${valibotFace}.js`, file.contents);
  return outputs;
}

/** What is left of fault points once `FAULTS` is false: calls that do nothing. tests/package.test.ts looks. */
const withoutFaults = (text) =>
  Buffer.from(
    text
      .replace(/^[ \t]*(if \(false\) |fault\().*;\n/gm, "")
      .replace(/^\/\/ lib\/ledger\/fault\.ts\nfunction fault\(\w+\) {\n}\n+/gm, ""),
  );

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
      const room = path.slice("latchkey/".length);
      const face = ["", "rpc", "events", "pending", "ledger"].includes(room) ? join(room, "index") : room;
      const built = join(root, "build/faults", `${face}.js`);
      return { path: relative(join(root, "build", outDir), built), external: true };
    });
  },
});

/** Tests start some hundred programs; what they use of valibot is quicker to load than the whole of it. */
const valibotInside = {
  name: "valibot inside",
  setup({ onResolve }) {
    onResolve({ filter: /^valibot$/ }, valibotItself);
  },
};

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
      plugins: [
        ...(/^tests(\/|$)/.test(dir) ? [valibotInside] : []),
        ...(/^tests\/programs\/faulty(\/|$)/.test(dir) ? [faultyPackage(dir)] : []),
      ],
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

async function esbuild(settings) {
  try {
    return (await build(settings)).outputFiles;
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
  bundleFaces(false),
  bundleCommand(),
  options.dist ? undefined : bundleFaces(true),
  declarations(),
]);
const notices = new Map([["THIRD-PARTY-LICENSES", Buffer.from(await licences())]]);
await syncTree(join(root, "dist"), new Map([...js, ...command, ...dts, ...notices]));
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
