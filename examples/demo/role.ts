/** What the programs of the demo share: how they tell what they do, and where everything is. */
import * as v from "valibot";
import { given, say } from "../../tests/support/world/program.js";

/** Tells the demo what was just done; the demo prints it. */
export const did = (what: string): Promise<void> => say({ type: "did", what });

/** The first part of a UUID is enough to tell things apart on a screen. */
export const short = (id: string): string => id.slice(0, 8);

/** The broker and the callback are given the ledger and nothing else: no address of the runtime and no token for it. */
export const brokerGiven = () => given(v.object({ ledger: v.string() }));

export const keeperGiven = () => given(v.object({ ledger: v.string(), endpoint: v.string(), token: v.string() }));

export const hostGiven = () =>
  given(
    v.object({
      ledger: v.string(),
      endpoint: v.string(),
      token: v.string(),
      prompt: v.string(),
      places: v.object({ modelUrl: v.string(), mcpUrl: v.string() }),
    }),
  );

/** Ends with the demo, also when that was killed: its end of the pipe is closed then. */
export function endWithTheDemo(): void {
  process.stdin.resume().once("end", () => process.exit());
}
