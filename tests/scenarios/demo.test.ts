import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import * as assert from "uvu/assert";
import { openTerminal, type Terminal } from "../support/lines.js";
import { suite } from "../support/suite.js";
import { type RuntimeUnderTest, runtimes } from "../support/world.js";

const root = dirname(createRequire(import.meta.url).resolve("latchkey/package.json"));
const row = /^ *(\d+) {2}(demo|runtime|host|keeper|broker|callback) +(\d+) +(.+)$/;

interface Step {
  readonly who: string;
  readonly pid: number;
  readonly what: string;
}

function stepsOf(demo: Terminal): Step[] {
  return demo.lines.flatMap((line) => {
    const [, , who, pid, what] = row.exec(line) ?? [];
    return who === undefined || what === undefined ? [] : [{ who, pid: Number(pid), what }];
  });
}

function startDemo(under: RuntimeUnderTest): Terminal {
  return openTerminal(join(root, "build/examples/demo.js"), { env: { COPILOT_CLI_PATH: under.path } });
}

function alive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function nobodyIsLeft(steps: readonly Step[]): void {
  assert.equal(
    steps.filter(({ pid }) => alive(pid)).map(({ who }) => who),
    [],
  );
}

for (const under of runtimes) {
  const test = suite(`The demo on ${under.name}`, { timeoutMs: 90_000 });

  test("plays its scenario to the end, by four processes, and leaves none", async () => {
    await using demo = startDemo(under);
    assert.equal(await demo.exited, { code: 0, signal: null }, demo.lines.join("\n"));
    const steps = stepsOf(demo);
    const pids = (who: string): number[] => [
      ...new Set(steps.filter((step) => step.who === who).map(({ pid }) => pid)),
    ];
    const roles = ["host", "keeper", "broker", "callback"].flatMap(pids);
    assert.is(new Set(roles).size, 4, `one process each: ${roles}`);
    assert.is(roles.length, 4);
    const kill = steps.findIndex(({ what }) => what.includes("killed the host"));
    assert.ok(kill > 0);
    const after = steps.slice(kill + 1);
    assert.not.ok(after.some(({ who }) => who === "host"));
    assert.ok(after.some(({ who, what }) => who === "broker" && what.startsWith("claims")));
    assert.ok(after.some(({ who, what }) => who === "keeper" && what.includes("settled: accepted")));
    const signIns = steps.filter(({ who, what }) => who === "callback" && what.startsWith("finishes"));
    assert.is(signIns.length, 2, "begun by the broker, finished by another process");
    assert.ok(after.some(({ who, what }) => who === "broker" && what.includes("without a person")));
    assert.is(demo.lines.at(-1), `The tool's result: "written after its host was gone"`);
    assert.not.match(demo.lines.join("\n"), "\x1b");
    nobodyIsLeft(steps);
  });

  test("leaves no process when it is interrupted", async () => {
    await using demo = startDemo(under);
    await demo.line(/ broker .+ claims/);
    demo.signal("SIGINT");
    assert.is((await demo.exited).code, 130);
    assert.is(demo.lines.at(-1), "The demo failed: stopped by SIGINT");
    nobodyIsLeft(stepsOf(demo));
  });
}
