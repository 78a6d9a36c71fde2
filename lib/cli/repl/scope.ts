import type { REPLServer } from "node:repl";
import type { AnswerOptions, CancelOptions, Entry, ListFilter, Receipt } from "../../ledger/index.js";
import type { Hold, HoldOptions } from "../../pending/index.js";
import type { Rpc, Session } from "../../rpc/index.js";
import { type Answer, answerOfText, textAnswerOf } from "../answers.js";
import { findEntry, pendingStates } from "../entries.js";
import { exit, Stop } from "../exit.js";
import { ask } from "../prompt.js";
import type { ReplState } from "./state.js";

/** The names of the REPL. `.program` prints the same for a program; a change here is a change there. */
export async function scope(state: ReplState, server: REPLServer): Promise<PropertyDescriptorMap> {
  const { ledger, shown } = state;
  const rpc = (): Rpc => {
    if (state.rpc === undefined) throw new Stop(exit.runtime, "no runtime: .connect when there is one");
    return state.rpc;
  };
  const pending = async (filter?: ListFilter): Promise<Entry[]> =>
    shown.list(await ledger.list({ state: pendingStates, ...filter }));
  const show = async (id: string): Promise<Entry> => shown.entry(await findEntry(ledger, id));
  const receipts = async (id: string): Promise<Receipt[]> =>
    shown.receipts(await ledger.receipts((await findEntry(ledger, id)).id));
  const answer = async (id: string, value?: Answer, options?: AnswerOptions): Promise<Entry> => {
    const entry = await findEntry(ledger, id);
    const answer = value ?? (await asked(entry, state, server));
    const actor = server.terminal ? "person" : undefined;
    return shown.moved(
      await ledger.answer(entry.id, answer, { by: `latchkey repl ${process.pid}`, actor, ...options }),
    );
  };
  const cancel = async (id: string, options?: CancelOptions): Promise<Entry> => {
    const entry = await findEntry(ledger, id);
    return shown.moved(await ledger.cancel(entry.id, { by: `latchkey repl ${process.pid}`, ...options }));
  };
  const { hold: holdSession, ...pendingRoom } = await import("../../pending/index.js");
  const hold = (id: string, options?: HoldOptions): Promise<Hold> => holdSession(rpc(), id, options);
  const session = (id: string): Session => rpc().session(id);

  const rooms = await Promise.all([
    import("../../base/errors.js"),
    import("../../events/index.js"),
    import("../../protocol/index.js"),
    import("../../rpc/index.js"),
    import("../../ledger/index.js"),
    import("../../keeper/index.js"),
  ]);
  const shortcuts = { ledger, pending, show, receipts, answer, cancel, hold, session };
  const names: PropertyDescriptorMap = {};
  for (const [name, value] of [...rooms, pendingRoom, shortcuts].flatMap((room) => Object.entries(room)))
    names[name] = { value, writable: true, configurable: true, enumerable: true };
  names.rpc = { get: rpc, configurable: true, enumerable: true };
  names.events = { get: () => rpc().events, configurable: true, enumerable: true };
  return names;
}

/** Asks at the terminal. The REPL does not listen meanwhile, and what is typed gets into no history. */
async function asked(entry: Entry, { io }: ReplState, server: REPLServer): Promise<Answer> {
  const text = textAnswerOf(entry.kind);
  if (text === undefined) throw new Stop(exit.invalid, `give the answer to ${entry.kind} as answer(id, { … })`);
  const listeners = io.in.listeners("keypress").filter((each) => typeof each === "function");
  io.in.removeAllListeners("keypress");
  try {
    return answerOfText(entry.kind, await ask(io, text.prompt, text), {});
  } finally {
    io.in.removeAllListeners("keypress");
    for (const listener of listeners)
      io.in.on("keypress", (...args: unknown[]) => Reflect.apply(listener, io.in, args));
    if (server.terminal) io.in.setRawMode(true);
    io.in.resume();
  }
}
