/**
 * Attaching to a load of a session. An attach that arrives while the session is being unloaded waits, and then loads it again with its
 * own params and nothing else: no provider, no servers, no tools, nothing that was pending. With `disableResume` no event says so. It
 * shows in the `session.shutdown`, and in a log that is not the one that was read before. Such an attach is taken back.
 */
import { RpcError } from "../../base/errors.js";
import { isReloaded, readLog, readPage, trackLoad } from "../../events/internal.js";
import type { RequestOptions, SessionOpened, SessionRequester, SessionResumeParams } from "../../protocol/index.js";
import { createBlocking, refuse } from "./busy.js";

/** What an attach needs of an `Rpc`. */
export interface Attacher {
  request(method: "session.resume", params: SessionResumeParams, options?: RequestOptions): Promise<SessionOpened>;
  request(
    method: "session.destroy",
    params: { sessionId: string },
    options?: RequestOptions,
  ): Promise<{ success: boolean }>;
  session(sessionId: string): SessionRequester;
}

export interface AttachOptions extends RequestOptions {
  /** Attach even where the log shows that a call on the session waits for an answer. */
  evenIfBusy?: boolean | undefined;
  /** Whether a load that no event began is somebody's own, made with `disableResume`. It is taken for one when left out. */
  isWanted?: ((session: SessionRequester) => Promise<boolean>) | undefined;
}

/**
 * Attaches to a loaded session.
 * @throws RpcError `SESSION_NOT_FOUND` when it is not loaded, or was being unloaded: then nothing of this attach is left.
 * LatchkeyError `BUSY`; nothing was sent then.
 */
export async function attach(
  rpc: Attacher,
  params: SessionResumeParams,
  { evenIfBusy = false, isWanted = async () => true, ...options }: AttachOptions = {},
): Promise<void> {
  const { sessionId } = params;
  const session = rpc.session(sessionId);
  const load = trackLoad();
  const blocking = createBlocking();
  const { cursor } = await readLog(
    session,
    (event) => {
      load.see(event);
      blocking.see(event);
    },
    options,
  );
  const ended = load.ended();
  if (ended?.last) throw unloaded();
  if (!evenIfBusy) refuse(blocking.open());
  if (ended && !(await isWanted(session))) throw unloaded();
  await rpc.request("session.resume", { ...params, disableResume: true }, options);
  const page = await readPage(session, { cursor, ...options });
  for (const event of page.events) load.see(event);
  const since = load.ended();
  const unloadedSince = since !== undefined && since.id !== ended?.id;
  if (!unloadedSince && !(await isReloaded(session, { cursor, page, thorough: true, signal: options.signal }))) return;
  await rpc.request("session.destroy", { sessionId }, options);
  throw unloaded();
}

function unloaded(): RpcError {
  const method = "session.resume";
  return new RpcError("SESSION_NOT_FOUND", `${method}: the session was being unloaded`, { rpcCode: -32603, method });
}
