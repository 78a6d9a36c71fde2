import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");

/** Collects garbage now: what is counted then does not depend on when the engine would have done it. */
export const collect: () => void = runInNewContext("gc");
