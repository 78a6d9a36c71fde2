/** Proves the packed tarball, not the tree: what a user gets from the registry is what is tested here. */
import { spawnSync } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import * as assert from "uvu/assert";
import { suite } from "../support/suite.js";

const root = dirname(createRequire(import.meta.url).resolve("latchkey/package.json"));
const bin = (name: string): string => join(root, "node_modules/.bin", name);

/** What each entry of the package must export to programs. More is fine, less is not. */
const entries: Record<string, string[]> = {
  latchkey: ["connect", "startRuntime", "createEvents", "handlePendingRequest", "pendingRequest", "LatchkeyError"],
  "latchkey/rpc": ["connect", "startRuntime"],
  "latchkey/events": ["createEvents", "registerInterest", "follow"],
  "latchkey/pending": [
    ...["kinds", "isPending", "pendingRequest", "parsePendingRequest", "handlePendingRequest"],
    ...["hold", "resume"],
  ],
  "latchkey/ledger": ["openLedger"],
  "latchkey/ledger/postgres": ["openPostgresLedger"],
  "latchkey/keeper": ["recordPending", "deliverAnswers", "keepSessions"],
  "latchkey/oauth": [
    ...["discover", "chooseClient", "chooseScope", "beginCode", "finishCode", "beginDevice", "finishDevice"],
    ...["clientCredentials", "refresh", "renew", "exchange", "assertion", "revoke", "toAnswer", "listenForRedirect"],
    ...["parseAuthority", "parseClient", "parseFlow", "parseGrant", "OAuthError"],
  ],
  "latchkey/tracing": ["channels", "subscribe"],
  "latchkey/inbox": ["serveInbox"],
  "latchkey/otel": ["instrument", "contextOf", "traceHeaders"],
  "latchkey/testing": ["fakeRuntime", "createClock"],
};

interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly all: string;
}
const run = (cwd: string, command: string, ...args: string[]): Outcome => {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: "utf8" });
  return { status, stdout, all: [stdout, stderr, error?.message].filter(Boolean).join("\n") };
};
const succeed = (outcome: Outcome): string => {
  assert.is(outcome.status, 0, outcome.all);
  return outcome.stdout;
};

async function filesBelow(dir: string): Promise<string[]> {
  const found = await readdir(dir, { recursive: true, withFileTypes: true });
  return found
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(dir.length + 1))
    .sort();
}

const test = suite("the package", { timeoutMs: 90_000 });
let scratch: string;
let tarball: string;
/** An empty project with the tarball and its dependencies in it, no optional peer. */
let project: string;
let installed: string;
let manifest: { readonly exports: Record<string, string | { readonly default: string }> };

test.before(async () => {
  scratch = await mkdtemp(join(tmpdir(), "latchkey-package-"));
  succeed(run(root, "npm", "pack", "--ignore-scripts", "--pack-destination", scratch));
  tarball = join(scratch, (await readdir(scratch)).find((name) => name.endsWith(".tgz")) ?? "");
  project = join(scratch, "project");
  await mkdir(project);
  await writeFile(join(project, "package.json"), '{ "name": "empty", "private": true, "type": "module" }');
  const quiet = ["--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts"];
  succeed(run(project, "npm", "install", ...quiet, tarball));
  installed = join(project, "node_modules/latchkey");
  manifest = JSON.parse(await readFile(join(installed, "package.json"), "utf8"));
});
test.after(() => rm(scratch, { recursive: true, force: true }));

test("holds exactly its files", async () => {
  const sources = (await filesBelow(join(root, "lib"))).filter((path) => /(?<!\.d)\.ts$/.test(path));
  const pages = await readdir(join(root, "docs"));
  const examples = await filesBelow(join(root, "examples"));
  const scripts = Object.values(manifest.exports).flatMap((target) =>
    typeof target === "string" ? [] : [target.default],
  );
  const expected = [
    ...["CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md", "SECURITY.md", "package.json"],
    ...["dist/cli/latchkey.cjs", "dist/cli/main.cjs", "dist/cli/repl/repl.js"],
    ...examples.filter((path) => /^(deploy|file|ledger|python)\//.test(path)).map((path) => `examples/${path}`),
    ...pages.filter((name) => /\.(md|svg|png)$/.test(name)).map((name) => `docs/${name}`),
    ...(await readdir(join(root, "schemas"))).map((name) => `schemas/${name}`),
    ...scripts.map((path) => path.replace("./", "")),
    ...sources.map((path) => `dist/${path.replace(/\.ts$/, ".d.ts")}`),
  ];
  // What several entries share is in files of its own, named after what is in them.
  const found = (await filesBelow(installed)).filter((path) => !/^dist\/shared\/[A-Z0-9]{8}\.js$/.test(path));
  assert.equal(found, expected.sort());
});

test("exports what its manifest says, no more entries and no fewer", async () => {
  const named = Object.keys(manifest.exports).map((path) => path.replace(/^\./, "latchkey"));
  assert.equal(named, [...Object.keys(entries), "latchkey/schemas/*.json", "latchkey/package.json"]);
});

/** The entries that are of no use without their optional peer, and that peer. */
const peers = new Map([
  ["latchkey/ledger/postgres", "postgres"],
  ["latchkey/otel", "@opentelemetry/api"],
]);

async function addPeer(entry: string): Promise<void> {
  const name = peers.get(entry);
  if (name === undefined) return;
  await cp(join(root, "node_modules", name), join(project, "node_modules", name), { recursive: true });
}

for (const [entry, names] of Object.entries(entries)) {
  test(`${entry} is imported alone, and silent`, async () => {
    await addPeer(entry);
    const program = `const m = await import("${entry}"); process.stdout.write(JSON.stringify(Object.keys(m)))`;
    const outcome = run(project, process.execPath, "--input-type=module", "--eval", program);
    const exported: string[] = JSON.parse(succeed(outcome));
    assert.is(outcome.all, outcome.stdout, "something was printed");
    for (const name of names) assert.ok(exported.includes(name), `${name} is not exported`);
  });
}

test("has every file of the repository that its README links to, and none of its scripts runs on install", async () => {
  const readme = await readFile(join(installed, "README.md"), "utf8");
  const links = [...readme.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, path = ""]) => path);
  assert.ok(links.length > 5);
  const files = await filesBelow(installed);
  const missing = links.filter((path) => !files.some((file) => file === path || file.startsWith(`${path}/`)));
  assert.equal(missing, []);
  const { scripts = {} } = JSON.parse(await readFile(join(installed, "package.json"), "utf8"));
  assert.equal(
    Object.keys(scripts).filter((name) => /^(pre|post)?(install|prepare)$/.test(name)),
    [],
  );
});

/** The files that are loaded with an entry: what it imports, and what those import, but nothing that is imported late. */
async function loadedWith(path: string, seen = new Map<string, string>()): Promise<Map<string, string>> {
  if (seen.has(path)) return seen;
  const text = await readFile(path, "utf8");
  seen.set(path, text);
  for (const [, specifier = ""] of text.matchAll(/^(?:import|export|\}) ?.*?["'](\.{1,2}\/[^"']+)["'];$/gm))
    await loadedWith(join(dirname(path), specifier), seen);
  return seen;
}

for (const [entry, file, loads] of [
  ...["index", "rpc/index", "events/index", "pending/index"].map((name) => [`the entry ${name}`, name, false] as const),
  ["the ledger's entry, as a check of this test,", "ledger/index", true] as const,
])
  test(`${entry} ${loads ? "loads" : "does not load"} the ledger's rules`, async () => {
    const files = await loadedWith(join(installed, `dist/${file}.js`));
    assert.is(
      [...files.values()].some((text) => text.includes("INSERT INTO @entries") || text.includes('from "jose')),
      loads,
      [...files.keys()].join("\n"),
    );
  });

test("each class exists once, however it is reached", async () => {
  for (const entry of peers.keys()) await addPeer(entry);
  const program = `
    const all = await Promise.all(${JSON.stringify(Object.keys(entries))}.map((entry) => import(entry)));
    const seen = new Map();
    for (const m of all) for (const [name, value] of Object.entries(m)) {
      if (seen.has(name) && seen.get(name) !== value) throw new Error(name + " is there twice");
      seen.set(name, value);
    }`;
  succeed(run(project, process.execPath, "--input-type=module", "--eval", program));
});

test("its peers admit previews of a runtime, and say which versions are tested", async () => {
  const { devDependencies, peerDependenciesMeta } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  for (const [name, versions] of Object.entries({
    "@github/copilot-sdk": ["1.0.14", "1.0.15-preview.4", "2.0.0-unstable.1"],
    "@github/copilot": ["1.0.85", "1.0.103-2"],
  })) {
    assert.is(peerDependenciesMeta[name].tested, devDependencies[name]);
    for (const version of versions) {
      const place = await mkdtemp(join(scratch, "peer-"));
      await mkdir(join(place, "peer"));
      await writeFile(join(place, "peer/package.json"), JSON.stringify({ name, version }));
      await writeFile(join(place, "package.json"), '{ "name": "with-peer", "private": true }');
      const quiet = ["--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts", "--install-links"];
      succeed(run(place, "npm", "install", ...quiet, "./peer", tarball));
    }
  }
});

for (const [module, moduleResolution] of [
  ["nodenext", "nodenext"],
  ["esnext", "bundler"],
]) {
  test(`its types compile alone in strict mode, ${moduleResolution} resolution`, async () => {
    await mkdir(join(project, "node_modules/@types"), { recursive: true });
    for (const name of ["@types/node", "undici-types"]) {
      await cp(join(root, "node_modules", name), join(project, "node_modules", name), { recursive: true });
    }
    const imports = Object.keys(entries).map((entry, i) => `import * as m${i} from "${entry}";\nexport { m${i} };\n`);
    const use = `
      const rpc = await m0.connect("tcp://127.0.0.1:1");
      // @ts-expect-error: there is no such method
      await rpc.request("no.such.method");
      await rpc.request("ping", {});
      export const code: m0.ConnectionError["code"] = "CLOSED";\n`;
    await writeFile(join(project, "all.ts"), imports.join("") + use);
    const compilerOptions = {
      ...{ target: "es2022", module, moduleResolution, strict: true, noEmit: true, skipLibCheck: false },
      ...{ exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, types: ["node"] },
    };
    await writeFile(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["all.ts"] }));
    succeed(run(project, bin("tsc"), "-p", "."));
  });
}

test("publint finds nothing", () => {
  assert.match(succeed(run(root, bin("publint"), "run", tarball, "--strict", "--level", "suggestion")), /All good!/);
});

test("attw finds nothing", () => {
  succeed(run(root, bin("attw"), tarball, "--profile", "esm-only", "--no-emoji"));
});

test("nothing of the workshop is left in it", async () => {
  for (const path of await filesBelow(installed)) {
    const text = await readFile(join(installed, path), "utf8");
    assert.not.match(text, /if \(false\)|sourceMappingURL/, `${path} tells of its build`);
    if (/\.c?js$/.test(path)) assert.not.match(text, /\bFAULTS\b|\bfault\(/, `${path} has a fault point`);
    assert.not.ok(text.includes(root), `${path} names a folder of this machine`);
  }
});
