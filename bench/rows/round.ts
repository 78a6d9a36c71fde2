import { type Contestant, contestants } from "../clients/index.js";
import { type Measured, measured } from "../numbers.js";
import { type Subject, startSubject } from "../processes.js";

export interface Scale {
  /** How often everything is repeated. */
  readonly rounds: number;
  /** What the number of calls and events of a row is multiplied with. */
  readonly size: number;
}

/** Every contestant in turn, and that over and over: what disturbs the machine disturbs them all. */
export async function interleave<Name extends string>(
  names: readonly Name[],
  rounds: number,
  run: (name: Name, round: number) => Promise<number>,
): Promise<Record<Name, Measured>> {
  const values = new Map<Name, number[]>(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? names : [...names].reverse();
    for (const name of order) values.get(name)?.push(await run(name, round));
  }
  return Object.fromEntries([...values].map(([name, of]) => [name, measured(of)])) as Record<Name, Measured>;
}

/** A subject for each contestant, ended with the scope. */
export async function subjects(
  begin: (subject: Subject) => Promise<unknown>,
): Promise<AsyncDisposable & { readonly of: (name: Contestant) => Subject }> {
  const all = new Map<Contestant, Subject>();
  const close = async (): Promise<void> => {
    for (const subject of all.values()) await subject[Symbol.asyncDispose]();
  };
  try {
    for (const name of contestants) {
      const subject = await startSubject(name);
      all.set(name, subject);
      await begin(subject);
    }
  } catch (error) {
    await close();
    throw error;
  }
  return {
    of(name) {
      const subject = all.get(name);
      if (!subject) throw new Error(`no ${name}`);
      return subject;
    },
    [Symbol.asyncDispose]: close,
  };
}
