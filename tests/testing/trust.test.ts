/** The official SDK takes the fake for a runtime, and it loads nothing but Node. */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { approveAll, CopilotClient, RuntimeConnection } from "@github/copilot-sdk";
import { build } from "esbuild";
import { kinds } from "latchkey/pending";
import { fakeRuntime } from "latchkey/testing";
import * as assert from "uvu/assert";
import { rows } from "../../lib/testing/kinds.js";
import { suite } from "../support/suite.js";

const test = suite("Trust in the fake runtime");
const root = dirname(createRequire(import.meta.url).resolve("latchkey/package.json"));

test("the official SDK's client makes a session, hears its events, permits a call and resumes", async () => {
  await using fake = await fakeRuntime({ like: "1.0.85" });
  const url = fake.endpoint.slice("tcp://".length);
  const start = async (): Promise<CopilotClient> => {
    const client = new CopilotClient({ connection: RuntimeConnection.forUri(url, { connectionToken: fake.token }) });
    await client.start();
    return client;
  };
  const client = await start();
  const session = await client.createSession({ model: "scripted", onPermissionRequest: approveAll });
  const heard: string[] = [];
  session.on((event) => heard.push(event.type));
  fake.script(session.sessionId, { ask: "permission.requested" }, { text: "Permitted." });
  const answer = await session.sendAndWait({ prompt: "Do it." });
  assert.is(answer?.data.content, "Permitted.");
  assert.ok(heard.includes("permission.completed") && heard.includes("session.idle"), heard.join());
  assert.equal(
    fake.answered.map(({ kind, accepted }) => [kind, accepted]),
    [["permission.requested", true]],
  );
  await client.stop();
  await fake.restart();
  const again = await start();
  const resumed = await again.resumeSession(session.sessionId, { onPermissionRequest: approveAll });
  fake.script(resumed.sessionId, { text: "Back." });
  assert.is((await resumed.sendAndWait({ prompt: "And now?" }))?.data.content, "Back.");
  await again.stop();
});

test("its kinds are those of latchkey/pending, with the same events and methods", () => {
  const table = (from: Readonly<Record<string, { readonly completed: string; readonly respond: string }>>) =>
    Object.fromEntries(
      Object.entries(from).map(([kind, { completed, respond }]) => [
        kind,
        { completed, respond: respond.replace(/^session\./, "") },
      ]),
    );
  assert.equal(table(rows), table(kinds));
  for (const [kind, { ephemeral }] of Object.entries(rows))
    assert.is(ephemeral, !kinds[kind as keyof typeof kinds].survivesRuntime, `${kind}: what survives is on disk`);
});

test("it loads nothing but Node; what makes requests comes with the first test of a ledger, and no database ever", async () => {
  const { metafile } = await build({
    entryPoints: [join(root, "lib/testing/index.ts")],
    bundle: true,
    write: false,
    metafile: true,
    splitting: true,
    outdir: root,
    absWorkingDir: root,
    platform: "node",
    format: "esm",
    packages: "external",
    tsconfigRaw: {},
  });
  const outputs = new Map(Object.entries(metafile.outputs));
  const loaded = new Set<string>();
  const load = (path: string): void => {
    if (loaded.has(path)) return;
    loaded.add(path);
    for (const { path: next, kind } of outputs.get(path)?.imports ?? []) if (kind === "import-statement") load(next);
  };
  for (const [path, { entryPoint }] of outputs) if (entryPoint === "lib/testing/index.ts") load(path);
  assert.equal(
    [...loaded].filter((path) => !path.startsWith("node:") && !outputs.has(path)),
    [],
  );
  const rooms = (paths: Iterable<string>): string[] =>
    [...new Set([...paths].map((path) => path.split("/")[1] ?? ""))].sort();
  const inputs = [...loaded].flatMap((path) => Object.keys(outputs.get(path)?.inputs ?? {}));
  assert.equal(rooms(inputs), ["base", "rpc", "testing"]);
  assert.not.ok(rooms(Object.keys(metafile.inputs)).includes("ledger"));
});
