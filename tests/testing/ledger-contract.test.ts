/** The contract of a ledger finds a store that breaks a promise, and needs nothing but `Ledger`. */
import { type Claim, type Ledger, openLedger } from "latchkey/ledger";
import { ledgerContract } from "latchkey/testing";
import * as assert from "uvu/assert";
import { type Place, sqlitePlace } from "../support/ledger/place.js";
import { suite } from "../support/suite.js";

const test = suite("The contract of a ledger", { timeoutMs: 60_000 });
let place: Place;
test.before(async () => {
  place = await sqlitePlace();
});
test.after(async () => {
  await place[Symbol.asyncDispose]();
});

type Flaw = Partial<Record<keyof Ledger, (ledger: Ledger, ...args: never[]) => unknown>>;

/** A ledger in which some methods are others. */
function flawed(ledger: Ledger, flaw: Flaw): Ledger {
  return new Proxy(ledger, {
    get(target, name) {
      const own = flaw[name as keyof Ledger];
      if (own) return (...args: never[]) => own(target, ...args);
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** The titles that fail, up to the first. */
async function found(flaw: Flaw, only: RegExp): Promise<string[]> {
  const locations = new Map<string, Promise<string>>();
  const tests: [string, () => Promise<void>][] = [];
  ledgerContract(
    async (name, options) => {
      const location = locations.get(name) ?? place.location();
      locations.set(name, location);
      return flawed(await openLedger(await location, options), flaw);
    },
    { test: (title, body) => tests.push([title, body]) },
  );
  assert.ok(tests.length > 60);
  for (const [title, body] of tests.filter(([name]) => only.test(name)))
    if (
      await body().then(
        () => false,
        () => true,
      )
    )
      return [title];
  return [];
}

const live = (claim: Claim): Claim =>
  new Proxy(claim, {
    get(target, name) {
      if (name === "stash") return async () => undefined;
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });

const flaws: Readonly<Record<string, { readonly flaw: Flaw; readonly title: string }>> = {
  "writes the same request down twice": {
    flaw: {
      record: (ledger, request: never) =>
        ledger.record({ ...(request as object), requestId: crypto.randomUUID() } as never),
    },
    title: "records a request once, without its secrets",
  },
  "takes a stash under a stale fence": {
    flaw: {
      async claim(ledger, ...args: never[]) {
        const claim = await Reflect.apply(ledger.claim, ledger, args);
        return claim && live(claim);
      },
    },
    title: "refuses a stale fence, and lets a lapsed lease be taken over",
  },
  "keeps an answer that was refused": {
    flaw: { refuse: async () => undefined },
    title: "a refusal is not about an answer that was never sent",
  },
  "forgets what a new load was given": {
    flaw: { seeds: async () => [] },
    title: "seeds a session with good answers, and knows that it was given them",
  },
  "loses a session's neighbours with it": {
    flaw: {
      async lost(ledger, ...args: never[]) {
        for (const { sessionId } of await ledger.list()) await ledger.lost(sessionId);
        return await Reflect.apply(ledger.lost, ledger, args);
      },
    },
    title: "a session that is lost takes nothing of another with it",
  },
  "prunes what still waits": {
    flaw: {
      async prune(ledger, ...args: never[]) {
        for (const { id } of await ledger.list({ state: "open" })) await ledger.cancel(id, { force: true });
        return await Reflect.apply(ledger.prune, ledger, args);
      },
    },
    title: "prunes what is over and keeps receipts as long as asked; fences go on",
  },
};

for (const [name, { flaw, title }] of Object.entries(flaws))
  test(`a store that ${name} is found`, async () => {
    const escaped = title.replace(/[^\w ]/g, "\\$&");
    assert.equal(await found(flaw, new RegExp(`^${escaped}$`)), [title]);
    assert.equal(await found({}, new RegExp(`^${escaped}$`)), [], "and only that one");
  });

test("of a walk that a store fails the shortest is told", async () => {
  const flaw: Flaw = { completed: async () => undefined };
  const locations = new Map<string, string>();
  let walk: (() => Promise<void>) | undefined;
  ledgerContract(
    async (name, options) => {
      if (!locations.has(name)) locations.set(name, ":memory:");
      return flawed(await openLedger(":memory:", options), flaw);
    },
    {
      test(title, body) {
        if (title.startsWith("agrees with a model")) walk = body;
      },
    },
  );
  const error: unknown = await walk?.().catch((thrown: unknown) => thrown);
  assert.instance(error, Error);
  assert.match((error as Error).message, /\n\{"do":"record".*\}\n\{"do":"completed".*\}$/);
});
