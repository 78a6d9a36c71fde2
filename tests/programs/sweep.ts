/** Plays the scenes of the sweep on one runtime and says how each went, one JSON line each. Started by scripts/sweep.mjs. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import { within } from "../support/expect.js";
import { type SceneName, type Scenery, scenes } from "../support/sweep/scenes.js";
import { openStage } from "../support/world.js";

const { path, unpacksInto } = v.parse(
  v.object({ path: v.string(), unpacksInto: v.optional(v.string()) }),
  JSON.parse(process.argv[2] ?? "{}"),
);
const under = { name: "swept", path, retries: false, ...(unpacksInto === undefined ? {} : { unpacksInto }) };
const say = (message: object): void => console.log(JSON.stringify(message));
const folder = await mkdtemp(join(tmpdir(), "latchkey-sweep-"));
let made = 0;

// What a broken scene leaves behind must not end the others.
process.on("unhandledRejection", () => undefined);

for (const scene of Object.keys(scenes) as SceneName[]) await stand(scene);
await rm(folder, { recursive: true, force: true });
process.exit();

async function stand(scene: SceneName): Promise<void> {
  const began = performance.now();
  const facts: Record<string, string> = {};
  const told = (outcome: object): void => say({ scene, facts, ms: Math.round(performance.now() - began), ...outcome });
  let version: string | undefined;
  try {
    await using stage = await openStage(under);
    version = stage.runtime.version;
    const scenery: Scenery = {
      stage,
      location: async () => join(folder, `${++made}`, "ledger.db"),
      fact: (name, value) => {
        facts[name] = value;
      },
    };
    await within(180_000, scenes[scene](scenery), "the scene");
    told({ ok: true, version });
  } catch (error) {
    told({ ok: false, version, error: String(error) });
  }
}
