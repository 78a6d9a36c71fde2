/**
 * A walk: steps that several brokers and deliverers take on one ledger, and the model beside it. Steps are plain data; one that names an
 * entry, a claim or a delivery by number takes what there is of it, or does nothing.
 */
import assert from "node:assert/strict";
import type { Claim, Delivery, Ledger } from "../../ledger/index.js";
import { token } from "./asking.js";
import type { Given } from "./given.js";
import { Model, type ModelEntry } from "./model.js";

type Numbered<D> = D extends string ? { readonly do: D; readonly nth: number } : never;
type Answering<D> = D extends string ? { readonly do: D; readonly nth: number; readonly value: number } : never;

/** One step. `session`, `principal` and `value` are 0 or 1; `nth` is any number. */
export type Step =
  | (Numbered<"record"> & { readonly session: number; readonly principal: number; readonly refused: boolean })
  | { readonly do: "claim"; readonly principal: number }
  | { readonly do: "lost"; readonly session: number }
  | (Numbered<"settle"> & { readonly accepted: boolean })
  | Answering<"answer claim" | "answer entry" | "serve">
  | Numbered<"release" | "deliver" | "completed" | "giveAgain" | "cancel">;

/** The steps of these names. */
type Named<D extends Step["do"]> = Extract<Step, { readonly do: D }>;

interface Walk {
  readonly ledger: Ledger;
  readonly model: Model;
  readonly oauthRequest: Given["oauthRequest"];
  /** The ledger's id of each of the model's entries. */
  readonly ids: Map<ModelEntry, string>;
  readonly claims: { readonly claim: Claim; readonly entry: ModelEntry }[];
  readonly deliveries: { readonly delivery: Delivery; readonly entry: ModelEntry }[];
}

/** Takes every step on the ledger and on the model, and compares the two after each one. The ledger is empty before. */
export async function walk(
  steps: readonly Step[],
  { ledger, oauthRequest }: Pick<Walk, "ledger" | "oauthRequest">,
): Promise<void> {
  const on: Walk = { ledger, oauthRequest, model: new Model(), ids: new Map(), claims: [], deliveries: [] };
  for (const step of steps) {
    await take(step, on);
    await compare(on);
  }
}

async function take(step: Step, on: Walk): Promise<void> {
  switch (step.do) {
    case "record":
      return await record(step, on);
    case "claim":
      return await claim(step, on);
    case "lost":
      on.model.lose(step.session);
      await on.ledger.lost(`s${step.session}`);
      return;
    case "release":
    case "answer claim":
      return await ofClaim(step, on);
    case "settle":
      return await settle(step, on);
    default:
      return await ofEntry(step, on);
  }
}

async function record({ session, principal, nth, refused }: Named<"record">, on: Walk): Promise<void> {
  const requestId = `r${nth}`;
  on.model.record(session, principal, requestId, refused);
  const reason = refused ? "refresh" : "initial";
  const asked = on.oauthRequest({ sessionId: `s${session}`, principal: `p${principal}`, requestId, reason });
  const { id } = await on.ledger.record(asked);
  const mine = on.model.entries.find((other) => other.session === session && other.requestId === requestId);
  assert.ok(mine);
  if (on.ids.has(mine)) assert.equal(id, on.ids.get(mine));
  on.ids.set(mine, id);
  // The clock of the store counts milliseconds; what comes next is younger.
  await new Promise((resolve) => setTimeout(resolve, 2));
}

async function claim({ principal }: Named<"claim">, on: Walk): Promise<void> {
  const expected = on.model.claim(principal, on.claims.length);
  const found = await on.ledger.claim({ principal: `p${principal}` }, { owner: "model" });
  assert.equal(found?.entry.id, expected && on.ids.get(expected));
  if (found !== undefined && expected !== undefined) on.claims.push({ claim: found, entry: expected });
}

async function ofClaim(step: Named<"release" | "answer claim">, on: Walk): Promise<void> {
  const held = pick(on.claims, step.nth);
  if (held === undefined) return;
  const number = on.claims.indexOf(held);
  if (step.do === "release") {
    on.model.release(number);
    await held.claim.release();
  } else {
    const expected = on.model.answer(held.entry, `t${step.value}`, number);
    assert.equal(await codeOf(held.claim.answer(token(`t${step.value}`))), expected);
  }
}

async function settle({ nth, accepted }: Named<"settle">, on: Walk): Promise<void> {
  const out = pick(on.deliveries, nth);
  if (out === undefined) return;
  const expected = on.model.settle(out.entry, on.deliveries.indexOf(out), accepted);
  assert.equal(await codeOf(out.delivery.settle({ accepted })), expected);
}

type OfEntry = Named<"answer entry" | "serve" | "deliver" | "completed" | "giveAgain" | "cancel">;

async function ofEntry(step: OfEntry, on: Walk): Promise<void> {
  const { ledger, model } = on;
  const entry = pick(model.entries, step.nth);
  if (entry === undefined) return;
  const id = on.ids.get(entry) ?? "";
  if (step.do === "answer entry" || step.do === "serve") {
    const expected = model.answer(entry, `t${step.value}`);
    assert.equal(await codeOf(ledger.answer(id, token(`t${step.value}`))), expected);
  }
  if (step.do === "deliver") await deliver(entry, id, on);
  // The straight way in one step, so that what comes after it is reached often.
  if (step.do === "serve" && (await deliver(entry, id, on)))
    await settle({ do: "settle", nth: on.deliveries.length - 1, accepted: true }, on);
  if (step.do === "completed") {
    model.complete(entry);
    const { requestId, session } = entry;
    await ledger.completed({ kind: "mcp.oauth_required", sessionId: `s${session}`, requestId });
  }
  if (step.do === "giveAgain") {
    const expected = model.again(entry);
    assert.deepEqual(await ledger.giveAgain(id), expected === undefined ? undefined : token(expected));
  }
  if (step.do === "cancel") assert.equal(await codeOf(ledger.cancel(id)), model.cancel(entry));
}

async function deliver(entry: ModelEntry, id: string, on: Walk): Promise<boolean> {
  const expected = on.model.deliver(entry, on.deliveries.length);
  const delivery = await on.ledger.deliver(id, { owner: "model" });
  assert.deepEqual(delivery?.answer, expected === undefined ? undefined : token(expected));
  if (delivery !== undefined) on.deliveries.push({ delivery, entry });
  return delivery !== undefined;
}

/** The whole ledger against the whole model. */
async function compare({ model, ledger, ids }: Walk): Promise<void> {
  const found = new Map((await ledger.list()).map((entry) => [entry.id, entry]));
  assert.equal(found.size, model.entries.length);
  for (const entry of model.entries) {
    const id = ids.get(entry) ?? "";
    const real = found.get(id);
    const successor = model.entries.find(
      (other) => other.requestId === entry.successor && other.intent === entry.intent,
    );
    assert.deepEqual(
      [real?.state, real?.outcome, real?.successor],
      [entry.state, entry.outcome, successor && ids.get(successor)],
      `entry ${entry.requestId}`,
    );
    assert.deepEqual(
      (await ledger.receipts(id)).map(({ state }) => state),
      entry.history,
    );
  }
}

/** Ids are UUIDs and entries of one millisecond have no order of their own; a claim takes any of them. */
const pick = <T>(list: readonly T[], n: number): T | undefined => list[n % Math.max(list.length, 1)];

const codeOf = async (work: Promise<unknown>): Promise<string> =>
  await work.then(
    () => "ok",
    (error: { code?: string }) => error.code ?? String(error),
  );
