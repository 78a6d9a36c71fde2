/** The code of the README is the code of examples/, and that runs here on both runtimes. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, watch } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Entry, type Ledger, openLedger, type State } from "latchkey/ledger";
import { parsePendingRequest, wholeData } from "latchkey/pending";
import * as assert from "uvu/assert";
import { openTerminal, type Terminal } from "../support/lines.js";
import { suite } from "../support/suite.js";
import {
  type Demand,
  obtainToken,
  openWorld,
  runtimes,
  serverStatus,
  startTestRuntime,
  type TestRuntime,
  type World,
} from "../support/world.js";

const root = dirname(createRequire(import.meta.url).resolve("latchkey/package.json"));

const text = suite("README");

text("every block of code is an example's, to the letter", async () => {
  const readme = await readFile(join(root, "README.md"), "utf8");
  const blocks = [...readme.matchAll(/(?:<!-- (\S+) -->\n)?```ts\n(.*?)```/gs)];
  assert.ok(blocks.length > 0);
  for (const [, path, code] of blocks) {
    assert.ok(path, `a block of code is marked with no file:\n${code}`);
    assert.is(code, await readFile(join(root, path), "utf8"), path);
  }
});

text("its tsconfig.json compiles its programs", async () => {
  const readme = await readFile(join(root, "README.md"), "utf8");
  const [, tsconfig = ""] = /```json tsconfig\.json\n(.*?)```/s.exec(readme) ?? [];
  const project = await mkdtemp(join(tmpdir(), "latchkey-readme-"));
  try {
    await writeFile(join(project, "package.json"), '{ "type": "module" }');
    await writeFile(join(project, "tsconfig.json"), tsconfig.replace("{", '{ "include": ["*/*.ts"], '));
    for (const scenario of ["file", "ledger"])
      await cp(join(root, "examples", scenario), join(project, scenario), { recursive: true });
    await mkdir(join(project, "node_modules"));
    await symlink(root, join(project, "node_modules/latchkey"));
    await symlink(join(root, "node_modules/@types"), join(project, "node_modules/@types"));
    const { status, stdout } = spawnSync(join(root, "node_modules/.bin/tsc"), ["--noEmit", "-p", project], {
      encoding: "utf8",
    });
    assert.is(status, 0, stdout);
  } finally {
    await rm(project, { recursive: true });
  }
});

/** The anchors of a page's headings, as GitHub makes them. */
const anchorsOf = (page: string): string[] =>
  [...page.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\w\- ]/g, "")
      .replaceAll(" ", "-"),
  );

text("every link to a heading leads to one", async () => {
  const names = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"];
  for (const name of await readdir(join(root, "docs"))) if (name.endsWith(".md")) names.push(`docs/${name}`);
  const pages = new Map(
    await Promise.all(names.map(async (name) => [name, await readFile(join(root, name), "utf8")] as const)),
  );
  const dead: string[] = [];
  for (const [name, page] of pages) {
    for (const [, path = "", anchor = ""] of page.matchAll(/\]\((?!https?:)([^)#\s]*)#([^)\s]+)\)/g)) {
      const target = path === "" ? page : pages.get(join(dirname(name), path));
      if (!anchorsOf(target ?? "").includes(anchor)) dead.push(`${name}: ${path}#${anchor}`);
    }
  }
  assert.equal(dead, []);
});

text("every link of README and docs leads to a file", async () => {
  const pages = ["README.md"];
  for (const name of await readdir(join(root, "docs"))) if (name.endsWith(".md")) pages.push(`docs/${name}`);
  const dead: string[] = [];
  for (const page of pages) {
    const links = (await readFile(join(root, page), "utf8")).matchAll(/\]\((?!https?:|#)([^)#]+)/g);
    for (const [, path = ""] of links) {
      if (!existsSync(join(root, dirname(page), path))) dead.push(`${page}: ${path}`);
    }
  }
  assert.equal(dead, []);
});

for (const under of runtimes) {
  const test = suite(`The README's scenario on ${under.name}`);
  let testRuntime: TestRuntime;
  let folder: string;

  test.before(async () => {
    testRuntime = await startTestRuntime(under);
  });
  test.after(() => testRuntime.close());
  test.before.each(async () => {
    folder = await mkdtemp(join(tmpdir(), "latchkey-readme-"));
  });
  test.after.each(() => rm(folder, { recursive: true, force: true }));

  const start = (path: string, args: readonly string[] = []): Terminal =>
    openTerminal(join(root, "build/examples", path), {
      args,
      cwd: folder,
      env: { ENDPOINT: testRuntime.runtime.endpoint, TOKEN: testRuntime.runtime.token },
    });

  /** Keeper and host, and the session once the keeper holds it. */
  async function startBoth(scenario: string, world: World) {
    await writeFile(join(folder, "session.json"), await sessionFile(world));
    const keeper = start(`${scenario}/keeper.js`);
    await keeper.line(/^keeping/);
    const host = start(`${scenario}/host.js`);
    const sessionId = (await keeper.line(/^holding/)).slice("holding ".length);
    return {
      keeper,
      host,
      sessionId,
      async [Symbol.asyncDispose]() {
        await host[Symbol.asyncDispose]();
        await keeper[Symbol.asyncDispose]();
      },
    };
  }

  async function connected(sessionId: string): Promise<void> {
    await using rpc = await testRuntime.connect();
    await rpc.request("session.resume", { sessionId, disableResume: true });
    await serverStatus(rpc.session(sessionId), "connected");
  }

  test("with a JSON file of the host's own", async () => {
    await using world = await openWorld({ clients: [{ id: "notes" }] });
    await using both = await startBoth("file", world);
    const { path, stored } = await written(folder);
    assert.is((await stat(path)).mode & 0o777, 0o600);
    both.host.signal("SIGKILL");
    await both.host.exited;

    const request = parsePendingRequest(stored.request, { secrets: stored.secrets });
    assert.is(request.kind, "mcp.oauth_required");
    assert.is(request.sessionId, both.sessionId);
    if (request.kind !== "mcp.oauth_required") return;
    await using answer = start("file/answer.js", [path]);
    answer.type(`${(await obtainToken(wholeData(request))).access_token}\n`);
    assert.equal(await answer.exited, { code: 0, signal: null });
    assert.equal(answer.lines, ["answered"]);
    await connected(both.sessionId);
  });

  test("with the ledger", async () => {
    await using world = await openWorld({ clients: [{ id: "notes" }] });
    await using both = await startBoth("ledger", world);
    const ledger = await openLedger(join(folder, "ledger.db"));
    try {
      const entry = await becomes(ledger, "open");
      assert.is(entry.sessionId, both.sessionId);
      both.host.signal("SIGKILL");
      await both.host.exited;

      const settled = becomes(ledger, "settled");
      const broker = start("ledger/broker.js");
      broker.type(`${(await obtainToken(demandOf(entry))).access_token}\n`);
      assert.equal(await broker.exited, { code: 0, signal: null });
      assert.is((await settled).outcome, "accepted");
    } finally {
      await ledger.close();
    }
    await connected(both.sessionId);
  });
}

/** The session.json of the README, for the MCP server of a world. */
async function sessionFile(world: World): Promise<string> {
  const readme = await readFile(join(root, "README.md"), "utf8");
  const [, text = ""] = /```json session\.json\n(.*?)```/s.exec(readme) ?? [];
  return text.replace("https://mcp.example.com/mcp", world.mcp.endpoint);
}

/** The first entry in this state, there already or still to come. */
async function becomes(ledger: Ledger, state: State): Promise<Entry> {
  const stop = new AbortController();
  const transitions = ledger.watch({ state }, { signal: stop.signal });
  const [found] = await ledger.list({ state });
  if (found === undefined) for await (const entry of transitions) return entry;
  stop.abort();
  if (found === undefined) throw new Error("the watch ended");
  return found;
}

function demandOf(entry: Entry): Demand {
  if (entry.kind !== "mcp.oauth_required") throw new Error(`a request of another kind: ${entry.kind}`);
  return entry.data;
}

/** The first JSON file of a folder, once it is whole. */
function written(folder: string): Promise<{ path: string; stored: { request: unknown; secrets: object } }> {
  return new Promise((resolve, reject) => {
    const watcher = watch(folder, look);
    function look(): void {
      try {
        const [name] = readdirSync(folder).filter((each) => each.endsWith(".json") && each !== "session.json");
        if (name === undefined) return;
        const path = join(folder, name);
        const stored = JSON.parse(readFileSync(path, "utf8"));
        watcher.close();
        resolve({ path, stored });
      } catch (error) {
        // Half a file is looked at again when it has changed.
        if (error instanceof SyntaxError) return;
        watcher.close();
        reject(error);
      }
    }
    look();
  });
}
