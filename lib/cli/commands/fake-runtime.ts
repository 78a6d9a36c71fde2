import { createInterface } from "node:readline";
import { isKind } from "../../pending/index.js";
import {
  type FakeReply,
  type FakeRuntime,
  type FaultName,
  fakeRuntime,
  faultNames,
  type Likeness,
  likenesses,
} from "../../testing/index.js";
import { UsageError } from "../exit.js";
import { type Io, printJson } from "../io.js";
import { count } from "./command.js";

interface Given {
  like?: string | undefined;
  seed?: string | undefined;
  port?: string | undefined;
  fault?: string[] | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

/** Runs until a signal ends it. It is told what to do by lines of JSON, and says what it did by others. */
export async function runFakeRuntime(given: Given, io: Io): Promise<number | undefined> {
  const like = known("--like", likenesses, given.like ?? "1.0.102");
  const faults = (given.fault ?? []).map((name) => known("--fault", faultNames, name));
  const token = process.env.COPILOT_CONNECTION_TOKEN;
  await using fake = await fakeRuntime({
    like,
    seed: given.seed,
    faults,
    port: count(given.port, "port"),
    ...(token === undefined || token === "" ? {} : { token }),
  });
  await ready(fake, io);
  const lines = createInterface({ input: io.in, signal: io.signal });
  lines.on("line", (line) => {
    obey(fake, line).then(
      (said) => printJson(io.out, said),
      (error: unknown) =>
        printJson(io.out, { type: "error", message: error instanceof Error ? error.message : "failed" }),
    );
  });
  const stopped = new Promise<void>((resolve) => {
    if (io.signal.aborted) resolve();
    io.signal.addEventListener("abort", () => resolve(), { once: true });
  });
  const telling = tellAnswers(fake, io);
  await Promise.race([stopped, fake.exited]);
  lines.close();
  await fake.close();
  await telling;
  return undefined;
}

const ready = ({ endpoint, token, version }: FakeRuntime, io: Io): Promise<void> =>
  printJson(io.out, { type: "ready", endpoint, token, version });

async function tellAnswers(fake: FakeRuntime, io: Io): Promise<void> {
  for await (const answer of fake.answers) await printJson(io.out, { type: "answered", ...answer });
}

async function obey(fake: FakeRuntime, line: string): Promise<Fields> {
  const order: unknown = JSON.parse(line);
  if (!isFields(order)) throw new TypeError("a line is an object with what to do under one name");
  const sessionId = String(order.sessionId);
  const data = isFields(order.data) ? order.data : {};
  switch (order.do) {
    case "raise": {
      const kind = String(order.kind);
      if (!isKind(kind)) throw new TypeError(`"${kind}" is not a pending kind`);
      return { type: "raised", requestId: fake.raise(sessionId, kind, data), sessionId, kind };
    }
    case "script":
      fake.script(sessionId, ...(Array.isArray(order.replies) ? order.replies.map(replyOf) : []));
      return { type: "scripted", sessionId };
    case "revoke":
      fake.revoke(sessionId);
      return { type: "revoked", sessionId };
    case "drop":
      fake.drop();
      return { type: "dropped" };
    case "restart":
      await fake.restart();
      return { type: "restarted", endpoint: fake.endpoint };
    case "requests":
      return { type: "requests", requests: fake.requests };
    default:
      throw new TypeError('"do" is one of: raise, script, revoke, drop, restart, requests');
  }
}

function replyOf(reply: unknown): FakeReply {
  if (isFields(reply) && typeof reply.text === "string") return { text: reply.text };
  const ask = isFields(reply) ? String(reply.ask) : "";
  if (!isFields(reply) || !isKind(ask)) throw new TypeError('a reply has "text", or "ask" with a pending kind');
  return { ask, data: isFields(reply.data) ? reply.data : {} };
}

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function known<T extends Likeness | FaultName>(option: string, names: readonly T[], given: string): T {
  const found = names.find((name) => name === given);
  if (found === undefined) throw new UsageError(`${option} is one of: ${names.join(", ")}`, "fake-runtime");
  return found;
}
