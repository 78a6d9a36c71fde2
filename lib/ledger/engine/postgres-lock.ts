import { createHash } from "node:crypto";

/** A name as the number of an advisory lock. Two names with one number only wait for each other needlessly. */
export const lockNumber = (name: string): string =>
  createHash("sha256").update("latchkey\0").update(name).digest().readBigInt64BE().toString();
