import type { CompleterResult } from "node:readline";
import type { REPLServer } from "node:repl";
import { kindNames } from "../../pending/internal.js";
import type { SessionCalls } from "../../protocol/index.js";
import { pendingStates, stateNames } from "../entries.js";
import type { ReplState } from "./state.js";

/** The calls that the runtime's schemas lack. */
const calls: Record<keyof SessionCalls, true> = {
  connect: true,
  "session.create": true,
  "session.resume": true,
  "session.destroy": true,
  "session.detach": true,
  "session.delete": true,
  "session.list": true,
  "session.getMetadata": true,
  "session.getMessages": true,
  "session.getLastId": true,
  "session.getForeground": true,
  "session.setForeground": true,
  "status.get": true,
  "auth.getStatus": true,
};
async function methods(): Promise<string[]> {
  const { methodNames } = await import("../names.js");
  return [...new Set([...methodNames, ...Object.keys(calls)])].sort();
}

async function sessionMethods(): Promise<string[]> {
  const prefix = "session.";
  return (await methods()).filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
}

const eventTypes = async (): Promise<readonly string[]> => (await import("../names.js")).eventTypes;

type Offer = (state: ReplState) => readonly string[] | Promise<readonly string[]>;

/** What is typed before the quote, and what may stand between the quotes then. The first that fits is taken. */
const contexts: readonly (readonly [RegExp, Offer])[] = [
  [/\brpc\.request\($/, methods],
  [/\.request\($/, sessionMethods],
  [/\b(?:on|once|wait|stream)\($/, async () => ["*", ...(await eventTypes()), "session.lifecycle"]],
  [/\bregisterInterest\([^"'`]*,\s*$/, eventTypes],
  [/\b(?:show|receipts|answer|cancel|get)\($/, entryIds],
  [/\b(?:session|hold)\($/, sessionIds],
  [/\bsessionId:\s*$/, sessionIds],
  [/\bkind:\s*$/, () => kindNames],
  [/\bstate:\s*\[?$/, () => stateNames],
];

async function entryIds({ ledger }: ReplState): Promise<string[]> {
  return (await ledger.list({ state: pendingStates })).map(({ id }) => id);
}

async function sessionIds({ ledger, rpc }: ReplState): Promise<string[]> {
  const recorded = (await ledger.list({ state: pendingStates })).map(({ sessionId }) => sessionId);
  const { sessions = [] } = (await rpc?.request("session.list", {}, { timeoutMs: 2000 })) ?? {};
  return [...new Set([...recorded, ...sessions.map(({ sessionId }) => sessionId)])];
}

type Complete = (line: string, done: (error: Error | null, result: CompleterResult) => void) => void;

/** Completes inside the strings that latchkey knows; everything else is Node's own completion. */
export function completer(state: ReplState, others: REPLServer["completer"]): Complete {
  return (line, done) => {
    const [, before = "", typed = ""] = /^(.*)["'`]([^"'`]*)$/s.exec(line) ?? [];
    const offer = contexts.find(([context]) => context.test(before))?.[1];
    if (offer === undefined) {
      Reflect.apply(others, undefined, [line, done]);
      return;
    }
    Promise.resolve(offer(state)).then(
      (names) => done(null, [names.filter((name) => name.startsWith(typed)), typed]),
      () => done(null, [[], typed]),
    );
  };
}
