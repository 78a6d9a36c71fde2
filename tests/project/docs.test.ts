/**
 * Every `ts` block of README.md, of docs/ and of an `@example` in lib/ compiles against the package's own types. A block stands
 * alone, unless the line before it says otherwise:
 *   <!-- continued -->   it goes on where the block before it on the page ended
 *   <!-- run -->         it is run as well, with all that it continues
 * Any other comment there, such as the path of an example, changes nothing.
 */
import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { transform } from "esbuild";
import * as assert from "uvu/assert";
import { suite } from "../support/suite.js";

const root = dirname(createRequire(import.meta.url).resolve("latchkey/package.json"));

interface Block {
  readonly name: string;
  readonly line: number;
  readonly code: string;
  readonly run: boolean;
}

function blocksOf(page: string, text: string): Block[] {
  const blocks: Block[] = [];
  for (const match of text.matchAll(/(?:^<!-- (.*?) -->\n+)?^```ts\n(.*?)^```$/gms)) {
    const [whole, comment = "", code = ""] = match;
    const words = comment.split(/[ ,]+/);
    const previous = blocks.at(-1);
    const continued = words.includes("continued");
    if (continued && !previous) throw new Error(`${page}: the first block continues nothing`);
    const fence = whole.indexOf("```ts\n");
    const line = text.slice(0, match.index + fence).split("\n").length + 1;
    blocks.push({
      name: `${basename(page, ".md")}-${blocks.length + 1}`,
      line,
      code: continued ? `${previous?.code}\n${code}` : code,
      run: words.includes("run"),
    });
  }
  return blocks;
}

/** The npm scripts that the shell blocks of a page call. */
function scriptsIn(text: string): string[] {
  const shell = [...text.matchAll(/^```(?:sh|bash|console)\n(.*?)^```$/gms)].map(([, code]) => code).join("\n");
  return [...shell.matchAll(/\bnpm (?:run(?:-script)? ([\w:-]+)|(test|start)\b)/g)].map(
    ([, run, own]) => run ?? own ?? "",
  );
}

/** What tsc says of the blocks, each as a module of its own in a project that has the package installed. */
async function compile(blocks: readonly Block[]): Promise<string> {
  await using project = await scratch();
  for (const { name, code } of blocks) await writeFile(join(project.path, `${name}.ts`), `${code}\nexport {};\n`);
  const compilerOptions = {
    ...{ target: "es2023", lib: ["es2023", "esnext.disposable"], module: "nodenext", strict: true, noEmit: true },
    ...{ skipLibCheck: true, types: ["node"] },
  };
  await writeFile(join(project.path, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
  const tsc = join(root, "node_modules/.bin/tsc");
  const { status, stdout, stderr } = spawnSync(tsc, ["-p", "."], { cwd: project.path, encoding: "utf8" });
  assert.is(status === 0, stdout === "", stderr);
  return stdout;
}

async function execute({ name, code }: Block): Promise<void> {
  await using project = await scratch();
  const { code: js } = await transform(code, { loader: "ts", format: "esm", target: "node20.9" });
  await writeFile(join(project.path, `${name}.js`), js);
  const options = { cwd: project.path, encoding: "utf8", timeout: 20_000, killSignal: "SIGKILL" } as const;
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [`${name}.js`], options);
  assert.is(status, 0, `${signal ?? ""}\n${stdout}\n${stderr}`);
}

/** A folder where `latchkey` and every package that this repository uses can be imported. */
async function scratch(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), "latchkey-docs-"));
  await writeFile(join(path, "package.json"), '{ "type": "module" }');
  await mkdir(join(path, "node_modules"));
  await symlink(root, join(path, "node_modules/latchkey"));
  for (const name of await readdir(join(root, "node_modules"))) {
    if (!name.startsWith(".") && name !== "latchkey") {
      await symlink(join(root, "node_modules", name), join(path, "node_modules", name));
    }
  }
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

const docs = await readdir(join(root, "docs")).catch(() => []);
const pages = ["README.md", ...docs.filter((name) => name.endsWith(".md")).map((name) => `docs/${name}`)];

/** The text of a source's doc comments, each line where it was. */
const commentsOf = (source: string): string => source.replace(/^ *\* ?/gm, "");

const sources = (await readdir(join(root, "lib"), { recursive: true }))
  .map((path) => `lib/${path.replaceAll("\\", "/")}`)
  .filter((path) => path.endsWith(".ts") && !path.endsWith("/generated.ts"));

const texts = new Map(
  await Promise.all(pages.map(async (page) => [page, await readFile(join(root, page), "utf8")] as const)),
);
const onPages = [...texts].flatMap(([page, text]) => blocksOf(page, text));
const inComments: Block[] = [];
for (const path of sources)
  inComments.push(...blocksOf(path.replaceAll("/", "-"), commentsOf(await readFile(join(root, path), "utf8"))));

/** What tsc says of all blocks at once, by the block that it is about. */
let compiled: Promise<string[]> | undefined;
async function saidOf(blocks: readonly Block[], page: (block: Block) => string): Promise<string> {
  compiled ??= compile([...onPages, ...inComments]).then((text) => text.split(/^(?=\S)/m));
  const said = (await compiled).filter((each) => blocks.some(({ name }) => each.startsWith(`${name}.ts(`)));
  return said.length === 0 ? "" : [...said, ...blocks.map((block) => `${block.name}.ts is ${page(block)}`)].join("\n");
}

const test = suite("the code in the docs");

test("the examples in the doc comments of lib/ compile", async () => {
  assert.ok(inComments.length > 20, `${inComments.length} examples`);
  assert.is(await saidOf(inComments, ({ line }) => `line ${line}`), "");
});

test("every block has a name of its own", () => {
  const names = [...onPages, ...inComments].map(({ name }) => name);
  assert.is(new Set(names).size, names.length);
});

for (const [page, text] of texts) {
  const blocks = blocksOf(page, text);
  if (blocks.length > 0)
    test(`${page} compiles`, async () => assert.is(await saidOf(blocks, ({ line }) => `${page}:${line}`), ""));
  for (const block of blocks.filter(({ run }) => run)) {
    test(`${page}:${block.line} runs`, () => execute(block));
  }
  test(`${page} names scripts that exist`, async () => {
    const { scripts } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
    for (const name of scriptsIn(text)) assert.ok(name in scripts, `package.json has no script "${name}"`);
  });
}

const self = suite("the check of the docs");

const page = (...blocks: string[]): Block[] => blocksOf("a.md", blocks.map((b) => `Text.\n\n${b}\n`).join("\n"));
const first = '```ts\nimport { createEvents } from "latchkey/events";\nconst events = createEvents();\n```';

self("takes a marked block as the rest of the one before", async () => {
  const blocks = page(first, "<!-- continued, run -->\n```ts\nevents.on('*', () => undefined)();\n```");
  assert.equal(
    blocks.map(({ line, run }) => ({ line, run })),
    [
      { line: 4, run: false },
      { line: 12, run: true },
    ],
  );
  assert.is(await compile(blocks), "");
});

self("sees a block that does not compile", async () => {
  assert.match(await compile(page(first, "```ts\nevents.on('*', () => undefined);\n```")), /a-2\.ts\(1,1\).*'events'/);
  assert.match(await compile(page('```ts\nimport { nothing } from "latchkey/rpc";\n```')), /nothing/);
});

self("takes the example out of a doc comment", () => {
  const source = "const a = 1;\n/**\n * Connects.\n * @example\n * ```ts\n * connect();\n * ```\n */\nexport {};\n";
  assert.equal(
    blocksOf("a.ts", commentsOf(source)).map(({ line, code }) => ({ line, code })),
    [{ line: 6, code: "connect();\n" }],
  );
});

self("finds the scripts that a page calls", () => {
  const text = "npm run prose\n```sh\nnpm ci && npm run demo\nnpm test\n```\n```sh\nnpm run a:b -- x\n```\n";
  assert.equal(scriptsIn(text), ["demo", "test", "a:b"]);
});

self("sees a block that does not run", async () => {
  const [block] = page("<!-- run -->\n```ts\nthrow new Error('no');\n```");
  assert.ok(block?.run);
  const failed = await execute(block).then(
    () => false,
    () => true,
  );
  assert.ok(failed);
});
