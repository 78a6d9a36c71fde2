import { fakeRuntime } from "latchkey/testing";
import { suite } from "../suite.js";
import { allRuntimes, runtimes } from "../world/runtimes.js";
import type { Register } from "./contract.js";
import { fakeSubject, realSubject, type Subject } from "./subject.js";

/** One suite for each real runtime, or for each likeness of the fake. */
export function contractSuites(kind: "real" | "fake", what: string, contracts: readonly Register[]): void {
  for (const under of kind === "real" ? runtimes : allRuntimes) {
    const test = suite(`Contract of ${what}: ${kind} ${under.name}`);
    let subject: Subject | undefined;
    test.before(async () => {
      const like = under.retries ? "1.0.85" : "1.0.102";
      subject = kind === "real" ? await realSubject(under) : await fakeSubject(fakeRuntime, like);
    });
    test.after(async () => await subject?.[Symbol.asyncDispose]());
    const present = (): Subject => {
      if (subject === undefined) throw new Error("there is no runtime");
      return subject;
    };
    for (const contract of contracts) contract(test, present);
  }
}
