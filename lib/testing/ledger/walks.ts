/** Walks that follow from seeds. Of one that a ledger fails, the shortest is looked for. */
import type { Ledger } from "../../ledger/index.js";
import { createRandom, type Random } from "../random.js";
import type { Cases, Given } from "./given.js";
import { type Step, walk } from "./steps.js";

const walks = 8;
const stepsOfOne = 40;

/** A step, of which `record` comes as often as two others. */
function draw({ below }: Random): Step {
  const [session, principal, nth, value] = [below(2), below(2), below(20), below(2)];
  const which: readonly Step[] = [
    { do: "record", session, principal, nth: nth % 10, refused: value === 1 },
    { do: "record", session, principal, nth: nth % 10, refused: value === 1 },
    { do: "claim", principal },
    { do: "release", nth },
    { do: "answer claim", nth, value },
    { do: "answer entry", nth, value },
    { do: "deliver", nth },
    { do: "serve", nth, value },
    { do: "settle", nth, accepted: value === 1 },
    { do: "completed", nth },
    { do: "giveAgain", nth },
    { do: "cancel", nth },
    { do: "lost", session },
  ];
  return which[below(which.length)] ?? { do: "claim", principal };
}

type On = Pick<Given, "open" | "oauthRequest">;

/** What a ledger throws on a walk. */
async function failure(steps: readonly Step[], { open, oauthRequest }: On): Promise<unknown> {
  await using ledger: Ledger = await open();
  return await walk(steps, { ledger, oauthRequest }).then(
    () => undefined,
    (error: unknown) => error,
  );
}

/** The walk without each step that it fails without. */
async function shortest(steps: readonly Step[], on: On): Promise<readonly Step[]> {
  let least = steps;
  for (let at = least.length - 1; at >= 0; at -= 1) {
    const fewer = least.toSpliced(at, 1);
    if ((await failure(fewer, on)) !== undefined) least = fewer;
  }
  return least;
}

export const walkCases: Cases = {
  async "agrees with a model of it after every step"(given) {
    for (let seed = 1; seed <= walks; seed += 1) {
      const random = createRandom(`walk ${seed}`);
      const steps = Array.from({ length: stepsOfOne }, () => draw(random));
      if ((await failure(steps, given)) === undefined) continue;
      const least = await shortest(steps, given);
      const cause = await failure(least, given);
      throw new Error(`seed ${seed}: the ledger fails on\n${least.map((step) => JSON.stringify(step)).join("\n")}`, {
        cause,
      });
    }
  },
};
