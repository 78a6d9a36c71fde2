/** The contract of a runtime: what latchkey builds on, asked of the real ones and of the fake. */
import type { Scenario, Subject } from "./subject.js";
import type { Data, Wire } from "./wire.js";

export type Test = (name: string, body: () => Promise<void>) => void;
export type Register = (test: Test, subject: () => Subject) => void;

/** A session of this connection. */
export async function create(wire: Wire, scenario: Scenario | Data = {}): Promise<{ sessionId: string }> {
  const params = "params" in scenario ? (scenario as Scenario).params : scenario;
  return { sessionId: String((await wire.ok("session.create", params)).sessionId) };
}

export interface Of {
  readonly sessionId: string;
}

/** Registers interest. */
export const interest = async (wire: Wire, of: Of, ...types: readonly string[]): Promise<void> => {
  for (const eventType of types) await wire.ok("session.eventLog.registerInterest", { ...of, eventType });
};

/** Runs one turn in which the model says "done", so that the session is on disk. */
export async function turn(wire: Wire, of: Of): Promise<void> {
  const before = wire.events(of.sessionId, "session.idle").length;
  await wire.ok("session.send", { ...of, prompt: "Hello." });
  await wire.event(of.sessionId, "session.idle", before + 1);
}

/** Resolves when the runtime does not know the session any more. */
export async function gone(wire: Wire, of: Of): Promise<void> {
  for (;;) {
    const { error } = await wire.call("session.eventLog.tail", of);
    if (error?.message.includes("Session not found")) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The outcome of a call that should not be answered: `blocked`, or what came. */
export async function outcome(subject: Subject, answered: Promise<unknown>): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined;
  const blocked = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve("blocked"), subject.blockedMs);
  });
  try {
    return await Promise.race([answered, blocked]);
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves when the session's protected server has this status. */
export async function status(wire: Wire, of: Of, wanted: string): Promise<void> {
  for (;;) {
    const { servers } = (await wire.ok("session.mcp.list", of)) as { servers: { name: string; status: string }[] };
    if (servers.some(({ name, status: is }) => name === "notes" && is === wanted)) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
