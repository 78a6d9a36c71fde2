// npm run sweep: plays the scenarios of tests/support/sweep/ with every runtime that the registry serves from 1.0.79 on, and with every Node, and
// writes what it saw into docs/runtimes.md. Every runtime runs with the oldest Node, every Node with both pinned runtimes.
//   --ends            the oldest runtime, both pinned, and the newest, with this Node; writes no page; a scenario that fails is a failure
//   --fresh           plays again what the cache has the outcome of
//   --cross           every runtime with every Node
// Packages and outcomes are kept in node_modules/.cache/latchkey-sweep, or where LATCHKEY_SWEEP_CACHE says. One cell at a time, at low priority.

import { spawn } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { constants, setPriority } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { differences, matrix, place } from "./sweep/page.mjs";
import { installEngine, installRuntime, listEngines, listRuntimes } from "./sweep/registry.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const cache = process.env.LATCHKEY_SWEEP_CACHE ?? join(root, "node_modules/.cache/latchkey-sweep");
const program = join(root, "build/tests/programs/sweep.js");
const manifest = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
const cellMs = 900_000;
const { values: options } = parseArgs({
  options: {
    ends: { type: "boolean", default: false },
    fresh: { type: "boolean", default: false },
    cross: { type: "boolean", default: false },
  },
});
const say = (text) => process.stdout.write(`${text}\n`);
const here = { name: `Node ${process.versions.node}`, command: [process.execPath], installed: true };

/** Both that package.json names, the older first. */
const isPinned = ({ from }) =>
  from === `@github/copilot ${manifest.devDependencies["@github/copilot"]}` ||
  from === `@github/copilot-sdk ${manifest.devDependencies["@github/copilot-sdk"]}`;

/** Runs the scenarios with one runtime on one engine. */
async function play(runtime, engine) {
  const kept = join(cache, "outcomes", `${engine.name} ${runtime.from}.json`.replaceAll(/[/@ ]+/g, "_"));
  const known = options.fresh || options.ends ? undefined : await readFile(kept, "utf8").catch(() => undefined);
  if (known !== undefined) return { ...runtime, engine: engine.name, scenarios: JSON.parse(known) };
  const given = await installRuntime(cache, runtime, isPinned(runtime) ? join(root, "node_modules") : undefined);
  const command = engine.installed ? engine.command : await installEngine(cache, engine);
  const scenarios = (await output([...command, program, JSON.stringify(given)]))
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line));
  await mkdir(join(cache, "outcomes"), { recursive: true });
  if (scenarios.length > 0) await writeFile(kept, JSON.stringify(scenarios));
  const told = scenarios.map(({ scenario, ok, error }) => (ok ? `${scenario} yes` : `${scenario} NO: ${error}`));
  say(`${runtime.from} (${runtime.version}), ${engine.name}: ${told.join(", ") || "nothing said"}`);
  return { ...runtime, engine: engine.name, scenarios };
}

function output([command, ...args]) {
  return new Promise((done, fail) => {
    const child = spawn(command, args, { cwd: root, stdio: ["ignore", "pipe", "inherit"], timeout: cellMs });
    let text = "";
    child.stdout.on("data", (chunk) => {
      text += chunk;
    });
    child.once("error", fail);
    child.once("close", () => done(text));
  });
}

setPriority(constants.priority.PRIORITY_LOW);
const runtimes = await listRuntimes();
if (options.ends) {
  const ends = new Set([runtimes[0], ...runtimes.filter(isPinned), runtimes.at(-1)]);
  const cells = [];
  for (const runtime of ends) cells.push(await play(runtime, here));
  const played = cells.flatMap(({ scenarios }) => scenarios);
  const failed = played.filter(({ ok }) => !ok).length;
  say(`\n${played.length - failed} passed, ${failed} failed`);
  process.exitCode = failed > 0 || cells.some(({ scenarios }) => scenarios.length === 0) ? 1 : 0;
} else {
  const engines = await listEngines();
  const [oldest, ...others] = engines;
  const first = [];
  for (const runtime of runtimes) first.push(await play(runtime, oldest));
  const second = first.filter(isPinned);
  for (const engine of others)
    for (const runtime of runtimes) if (options.cross || isPinned(runtime)) second.push(await play(runtime, engine));
  const path = join(root, "docs/runtimes.md");
  let page = await readFile(path, "utf8");
  page = place(
    page,
    "runtimes",
    matrix(["runtime", "package"], first, ({ version, from }) => [version, from]),
  );
  page = place(page, "differences", differences(first));
  page = place(
    page,
    "engines",
    matrix(["engine", "runtime"], second, ({ engine, version }) => [engine, version]),
  );
  await writeFile(path, page);
}
