import {
  type Hold,
  type HoldOptions,
  handlePendingRequest,
  hold,
  type PendingRequest,
  parsePendingRequest,
} from "latchkey/pending";
import type { Rpc, Session } from "latchkey/rpc";
import {
  type AskingServer,
  type Model,
  type Program,
  type Reply,
  startAskingServer,
  startModel,
  startProgram,
  type TestRuntime,
} from "../world.js";
import { type KindPlaces, type ProvocationName, provocations } from "./provocations.js";

/** A question asked of a host in another process, with this process as the session's keeper. */
export interface Provoked extends AsyncDisposable {
  readonly host: Program;
  /** As it came back out of the host's JSON. */
  readonly request: PendingRequest;
  readonly rpc: Rpc;
  readonly session: Session;
  readonly hold: Hold;
  readonly model: Model;
  readonly mcp: AskingServer;
  readonly places: KindPlaces;
}

export interface ProvokeOptions {
  readonly hold?: HoldOptions;
  /** What the model says before the provocation's own script; the host sends nothing for it. */
  readonly script?: readonly Reply[];
  /** A session on disk that the host loads, instead of making one. */
  readonly resumes?: string;
  /** Called with the held session before anything is asked. */
  readonly before?: (session: Session) => Promise<void> | void;
}

export async function provoke(
  testRuntime: TestRuntime,
  name: ProvocationName,
  options: ProvokeOptions = {},
): Promise<Provoked> {
  const row = provocations[name];
  await using parts = new AsyncDisposableParts();
  const model = parts.add(await startModel(...(options.script ?? []), ...row.script));
  const mcp = parts.add(await startAskingServer(name === "headers" ? { pass } : {}));
  const places = { modelUrl: model.baseUrl, mcpUrl: mcp.endpoint };
  const rpc = parts.add(await testRuntime.connect());
  const { endpoint, token } = testRuntime.runtime;
  const host = parts.add(
    startProgram("kinds-host", { given: { endpoint, token, places, name, resumes: options.resumes } }),
  );
  const sessionId = String((await host.next("created")).sessionId);
  const session = rpc.session(sessionId);
  const held = await hold(rpc, sessionId, options.hold);
  if (row.kind !== "permission.requested") {
    session.events.on("permission.requested", ({ data: { requestId } }) =>
      handlePendingRequest(rpc, { kind: "permission.requested", sessionId, requestId }, { kind: "approve-once" }),
    );
  }
  await options.before?.(session);
  host.tell({ type: "go" });
  const request = parsePendingRequest((await host.next("recorded")).json);
  const dispose = parts.keep();
  return { host, request, rpc, session, hold: held, model, mcp, places, [Symbol.asyncDispose]: dispose };
}

export const pass = { header: "x-pass", value: "let me in" };

/** Ends what was opened when the opening fails half way, or later by `keep`'s function. */
class AsyncDisposableParts implements AsyncDisposable {
  #parts: AsyncDisposable[] = [];

  add<T extends AsyncDisposable>(part: T): T {
    this.#parts.push(part);
    return part;
  }

  keep(): () => Promise<void> {
    const parts = this.#parts;
    this.#parts = [];
    return async () => {
      for (const part of parts.reverse()) await part[Symbol.asyncDispose]();
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.keep()();
  }
}
