/** Plays the scenarios of the sweep on one runtime and says how each went, one JSON line each. Started by scripts/sweep.mjs. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import { within } from "../support/expect.js";
import { type ScenarioName, type Surroundings, scenarios } from "../support/sweep/scenarios.js";
import { startTestRuntime } from "../support/world.js";

const { path, unpacksInto } = v.parse(
  v.object({ path: v.string(), unpacksInto: v.optional(v.string()) }),
  JSON.parse(process.argv[2] ?? "{}"),
);
const under = { name: "swept", path, retries: false, ...(unpacksInto === undefined ? {} : { unpacksInto }) };
const say = (message: object): void => console.log(JSON.stringify(message));
const folder = await mkdtemp(join(tmpdir(), "latchkey-sweep-"));
let made = 0;

// What a broken scenario leaves behind must not end the others.
process.on("unhandledRejection", () => undefined);

for (const scenario of Object.keys(scenarios) as ScenarioName[]) await stand(scenario);
await rm(folder, { recursive: true, force: true });
process.exit();

async function stand(scenario: ScenarioName): Promise<void> {
  const began = performance.now();
  const facts: Record<string, string> = {};
  const told = (outcome: object): void =>
    say({ scenario, facts, ms: Math.round(performance.now() - began), ...outcome });
  let version: string | undefined;
  try {
    await using testRuntime = await startTestRuntime(under);
    version = testRuntime.runtime.version;
    const surroundings: Surroundings = {
      testRuntime,
      location: async () => join(folder, `${++made}`, "ledger.db"),
      fact: (name, value) => {
        facts[name] = value;
      },
    };
    await within(180_000, scenarios[scenario](surroundings), "the scenario");
    told({ ok: true, version });
  } catch (error) {
    told({ ok: false, version, error: String(error) });
  }
}
