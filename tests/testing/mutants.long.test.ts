/** The contract catches a fake that does otherwise than the real runtimes. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { fakeRuntime } from "latchkey/testing";
import * as assert from "uvu/assert";
import { suite, within } from "../support/suite.js";
import { contracts } from "../support/testing/contracts.js";
import { fakeSubject } from "../support/testing/subject.js";

const test = suite("Mutants of the fake runtime", { timeoutMs: 60_000 });
const root = dirname(createRequire(import.meta.url).resolve("latchkey/package.json"));

interface Mutant {
  readonly file: string;
  readonly from: string;
  readonly to: string;
  readonly contract: keyof typeof contracts;
}

const mutants: Readonly<Record<string, Mutant>> = {
  "asks before there is interest": {
    file: "session.ts",
    from: "session.around.asksEarly ||",
    to: "true ||",
    contract: "oauth",
  },
  "says each event twice": {
    file: "session.ts",
    from: 'peer.send({ jsonrpc: "2.0", method: "session.event", params });',
    to: 'for (const _ of [1, 2]) peer.send({ jsonrpc: "2.0", method: "session.event", params });',
    contract: "sessions",
  },
  "keeps an id over a restart that dies with the load": {
    file: "lifecycle.ts",
    from: "else if (waiting) waitOn(session, call, waiting);",
    to: "else if (waiting) waitOn(session, call, { ...waiting, requestId: session.around.random.uuid() });",
    contract: "kinds",
  },
  "goes on with what it was told to drop": {
    file: "catalog.ts",
    from: "params.continuePendingWork === true",
    to: "true",
    contract: "kinds",
  },
  "lets a late attach in": { file: "gate.ts", from: "next.alone && out.size > 0", to: "false", contract: "sessions" },
  "refuses rubbish": {
    file: "kinds.ts",
    from: "judge: ({ result }) => ({ take: result ?? null }),",
    to: 'judge: ({ result }) => (isRecord(result) && result.kind === "approve-once" ? { take: result } : { refuse: true }),',
    contract: "kinds",
  },
  "asks again with every interest": {
    file: "servers.ts",
    from: 'else if (first && server.status === "needs-auth"',
    to: 'else if (server.status === "needs-auth"',
    contract: "oauth",
  },
  "completes what is superseded": {
    file: "servers.ts",
    from: "if (server.asked) end(session, server.asked);",
    to: 'if (server.asked) { emit(session, "mcp.oauth_completed", { requestId: server.asked.id, outcome: "cancelled" }); end(session, server.asked); }',
    contract: "oauth",
  },
  "tells that a cursor was overrun": {
    file: "log.ts",
    from: "if (passing <= kept) return;",
    to: "return;",
    contract: "log",
  },
  "checks what a GitHub back end would": {
    file: "kinds.ts",
    from: 'completed: "auto_mode_switch.completed",\n    judge: anything("response"),',
    to: 'completed: "auto_mode_switch.completed",\n    judge: ({ response }) => (response === "yes" ? { take: response } : { error: "invalid parameter" }),',
    contract: "kinds",
  },
  "forgets who has signed in by the runtime": {
    file: "login.ts",
    from: "server.own = true;",
    to: "server.own = false;",
    contract: "oauth",
  },
  "tells those who were asked that they are not any more": {
    file: "login.ts",
    from: "if (server.asked && !server.asked.call) forget(session, server);",
    to: 'if (server.asked && !server.asked.call) server.asked.settle({ kind: "cancelled" });',
    contract: "oauth",
  },
  "takes a runtime's refresh for a token": {
    file: "permissions.ts",
    from: 'server.own ? "succeeded" : "failed"',
    to: '"succeeded"',
    contract: "oauth",
  },
  "unloads a session that is still held": {
    file: "lifecycle.ts",
    from: "session.attached.size === 1",
    to: "true",
    contract: "sessions",
  },
};

/** The fake with one place in it changed. */
async function mutated({ file, from, to }: Mutant, folder: string): Promise<typeof fakeRuntime> {
  const path = join(root, "lib/testing", file);
  const source = await readFile(path, "utf8");
  assert.is(source.split(from).length, 2, `${file} has "${from}" once`);
  const outfile = join(folder, "mutant.mjs");
  await build({
    entryPoints: [join(root, "lib/testing/index.ts")],
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20.9",
    outfile,
    logLevel: "silent",
    tsconfigRaw: {},
    plugins: [
      {
        name: "mutant",
        setup({ onLoad }) {
          onLoad({ filter: new RegExp(`/testing/${file.replace(".", "\\.")}$`) }, () => ({
            contents: source.replace(from, to),
            loader: "ts",
          }));
        },
      },
    ],
  });
  const loaded: { fakeRuntime: typeof fakeRuntime } = await import(pathToFileURL(outfile).href);
  return loaded.fakeRuntime;
}

/** The first test of a contract that a fake fails. */
async function firstCaught(make: typeof fakeRuntime, contract: keyof typeof contracts): Promise<string | undefined> {
  for (const register of contracts[contract]) {
    await using subject = await fakeSubject(make, "1.0.102");
    const tests: [string, () => Promise<void>][] = [];
    register(
      (title, body) => tests.push([title, body]),
      () => subject,
    );
    for (const [title, body] of tests) {
      const failed = await within(4000, body(), title).then(
        () => false,
        () => true,
      );
      if (failed) return title;
    }
  }
  return undefined;
}

for (const [name, mutant] of Object.entries(mutants))
  test(`a mutant that ${name} is caught`, async () => {
    const folder = await mkdtemp(join(tmpdir(), "latchkey-mutant-"));
    try {
      assert.ok(await firstCaught(await mutated(mutant, folder), mutant.contract));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

test("the fake as it is passes by the same way", async () => {
  for (const contract of ["sessions", "log", "oauth", "kinds"] as const)
    assert.is(await firstCaught(fakeRuntime, contract), undefined);
});
