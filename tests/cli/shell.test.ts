/** The scenario of docs/shell.md, done by its own shell commands alone. */
import { spawn } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { blocksOf, normal, openPlace, type Place, packageRoot } from "../support/commands.js";
import { suite } from "../support/suite.js";
import { openWorld } from "../support/world.js";

const limitMs = 60_000;
const test = suite("docs/shell.md");

test(
  "the whole scenario, the host gone before anybody answers, a broker in Python",
  async () => {
    await using place = await openPlace();
    await using world = await openWorld({ script: [{ tool: "write", arguments: { text: "by shell alone" } }] });
    const blocks = blocksOf(await readFile(join(packageRoot, "docs/shell.md"), "utf8"));
    const python = blocks.find(({ language }) => language === "python")?.code ?? "";
    await writeFile(join(place.dir, "broker.py"), python);
    await writeFile(join(place.dir, "session.json"), JSON.stringify(world.sessionParams()));

    const scenario = blocks.filter(({ language }) => language === "sh" || language === "text");
    const steps = scenario.filter(({ language }) => language === "sh").map(({ code }) => code);
    const { code, out, err } = await bash(place, steps);
    assert.is(code, 0, out.join("\n") + err);
    for (const [i, block] of scenario.entries()) {
      const step = scenario.slice(0, i).filter(({ language }) => language === "sh").length - 1;
      if (block.language === "text") assert.is(normal(out[step] ?? ""), normal(block.code));
    }
    assert.match(out.join("\n"), /by shell alone/);
    assert.is(world.authorization.issued.byCode, 2);
    assert.equal(world.model.toolResults(), ["by shell alone"]);
    const log = await readFile(join(place.dir, "keep.log"), "utf8");
    assert.match(log, /ended/);
    for (const { token } of world.mcp.knocks) {
      if (token === undefined) continue;
      assert.not.ok((out.join("\n") + err + log).includes(token), "a token was printed");
    }
  },
  { timeoutMs: 70_000 },
);

interface Ran {
  readonly code: number | null;
  /** What each step printed. */
  readonly out: string[];
  readonly err: string;
}

function bash({ dir, env }: Place, steps: readonly string[]): Promise<Ran> {
  const mark = "=== step ===";
  const script = [
    "set -euo pipefail",
    "trap 'exit 143' TERM",
    // Whatever happens, nothing that was started stays.
    `trap 'status=$?; [ $status = 0 ] || cat keep.log >&2; kill $(jobs -p) 2>/dev/null || true; latchkey runtime stop >/dev/null 2>&1 || true; exit $status' EXIT`,
    steps.join(`\necho '${mark}'\n`),
  ].join("\n");
  const child = spawn("bash", ["-c", script], { cwd: dir, env, stdio: ["ignore", "pipe", "pipe"], detached: true });
  // Before the test's own time is over, so that what was printed can be told.
  const timer = setTimeout(() => process.kill(-(child.pid ?? 0), "SIGTERM"), limitMs);
  let out = "";
  let err = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    err += text;
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      clearTimeout(timer);
      resolve({ code, out: out.split(`${mark}\n`), err });
    });
  });
}
