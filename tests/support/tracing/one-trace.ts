import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { type Message, type Program, startProgram } from "../world.js";
import type { Told } from "./telemetry.js";

interface Asking {
  readonly endpoint: string;
  readonly token: string;
  /** Makes a session; resolves with its id. */
  open(): Promise<string>;
  /** Brings the session to call a tool; resolves with the `traceparent` of that call. */
  ask(sessionId: string): Promise<string>;
}

/** A tool call, its keeper and its broker, each a process of its own. Resolves with the spans of the two, and the trace and span that asked. */
export async function walkOneTrace({ endpoint, token, open, ask }: Asking): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), "latchkey-otel-"));
  const ledger = join(dir, "ledger.db");
  const programs: Program[] = [];
  const start = (name: string, given: object): Program => {
    const program = startProgram(name, { given: { ledger, ...given } });
    programs.push(program);
    return program;
  };
  try {
    const keeper = start("otel-keeper", { endpoint, token });
    await keeper.next("ready");
    const held = keeper.next("held");
    const sessionId = await open();
    await held;
    const broker = start("otel-broker", {});
    const [, traceId, asked] = (await ask(sessionId)).split("-");
    await broker.next("answered");
    assert.is((await keeper.next("settled")).outcome, "accepted");
    const spans = new Map([...spansOf(keeper), ...spansOf(broker)].map((span) => [span.name, span]));
    const own = ["record", "claim", "answer", "deliver"].map((name) => `${name} external_tool.requested`);
    const method = "session.tools.handlePendingToolCall";
    for (const name of [...own, "look up", method]) assert.is(spans.get(name)?.traceId, traceId, name);
    for (const name of [...own, "look up"]) assert.is(spans.get(name)?.parent, asked, name);
    assert.is(spans.get(method)?.parent, spans.get("deliver external_tool.requested")?.spanId);
    assert.equal(spans.get("answer external_tool.requested")?.links, [spans.get("look up")?.spanId]);
  } finally {
    await Promise.all(programs.map((program) => program.close()));
    await rm(dir, { recursive: true, force: true });
  }
}

const spansOf = ({ messages }: { messages: readonly Message[] }): Told[] =>
  messages.filter(({ type }) => type === "span").map(({ span }) => span as Told);
