import type { REPLServer } from "node:repl";
import type { AnswerOptions, CancelOptions, Entry, ListFilter, Receipt } from "../../ledger/index.js";
import type { Hold, HoldOptions } from "../../pending/index.js";
import type { Rpc, Session } from "../../rpc/index.js";
import { type Answer, answerOfText, textAnswerOf } from "../answers.js";
import { findEntry, pendingStates } from "../entries.js";
import { exit, Stop } from "../exit.js";
import { ask } from "../prompt.js";
import type { Desk } from "./desk.js";

/** The names of the REPL. `.program` prints the same for a program; a change here is a change there. */
export async function scope(desk: Desk, server: REPLServer): Promise<PropertyDescriptorMap> {
  const { ledger, shown } = desk;
  const rpc = (): Rpc => {
    if (desk.rpc === undefined) throw new Stop(exit.runtime, "no runtime: .connect when there is one");
    return desk.rpc;
  };
  const pending = async (filter?: ListFilter): Promise<Entry[]> =>
    shown.list(await ledger.list({ state: pendingStates, ...filter }));
  const show = async (id: string): Promise<Entry> => shown.entry(await findEntry(ledger, id));
  const receipts = async (id: string): Promise<Receipt[]> =>
    shown.receipts(await ledger.receipts((await findEntry(ledger, id)).id));
  const answer = async (id: string, given?: Answer, options?: AnswerOptions): Promise<Entry> => {
    const entry = await findEntry(ledger, id);
    const made = given ?? (await asked(entry, desk, server));
    return shown.moved(await ledger.answer(entry.id, made, { by: `latchkey repl ${process.pid}`, ...options }));
  };
  const cancel = async (id: string, options?: CancelOptions): Promise<Entry> => {
    const { id: whole } = await findEntry(ledger, id);
    return shown.moved(await ledger.cancel(whole, { by: `latchkey repl ${process.pid}`, ...options }));
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
  const own = { ledger, pending, show, receipts, answer, cancel, hold, session };
  const names: PropertyDescriptorMap = {};
  for (const [name, value] of [...rooms, pendingRoom, own].flatMap((room) => Object.entries(room)))
    names[name] = { value, writable: true, configurable: true, enumerable: true };
  names.rpc = { get: rpc, configurable: true, enumerable: true };
  names.events = { get: () => rpc().events, configurable: true, enumerable: true };
  return names;
}

/** Asks at the terminal. The REPL does not listen meanwhile, and what is typed gets into no history. */
async function asked(entry: Entry, { io }: Desk, server: REPLServer): Promise<Answer> {
  const typed = textAnswerOf(entry.kind);
  if (typed === undefined) throw new Stop(exit.invalid, `give the answer to ${entry.kind} as answer(id, { … })`);
  const listeners = io.in.listeners("keypress").filter((each) => typeof each === "function");
  io.in.removeAllListeners("keypress");
  try {
    return answerOfText(entry.kind, await ask(io, typed.prompt, typed), {});
  } finally {
    io.in.removeAllListeners("keypress");
    for (const listener of listeners)
      io.in.on("keypress", (...given: unknown[]) => Reflect.apply(listener, io.in, given));
    if (server.terminal) io.in.setRawMode(true);
    io.in.resume();
  }
}
