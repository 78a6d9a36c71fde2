/**
 * What a runtime can do beyond what every supported one can. Told by asking, never by its version: a call without params is refused
 * for what it lacks where the method is there, and as unknown where it is not. Nothing is done by asking.
 */
import { RpcError } from "../base/errors.js";
import type { MethodName } from "../protocol/index.js";

/** Named abilities of the runtime behind a connection. */
export interface Capabilities {
  /** It lists external tool calls that wait, those of an earlier load included: `session.tools.listPendingRequests`. */
  readonly pendingTools: boolean;
  /** It can own a sign-in whose callback the host receives: `session.mcp.oauth.complete`, and with it `runtimeLogin`. */
  readonly runtimeLogin: boolean;
}

/** The name of an ability, such as `"runtimeLogin"`. */
export type Capability = keyof Capabilities;

/** Asks for all of them at once. Rejects only where the connection ends. */
export async function askCapabilities(call: (method: MethodName) => Promise<unknown>): Promise<Capabilities> {
  const has = (method: MethodName): Promise<boolean> =>
    call(method).then(
      () => true,
      (error: unknown) => {
        if (error instanceof RpcError) return error.code !== "METHOD_NOT_FOUND";
        throw error;
      },
    );
  const [pendingTools, runtimeLogin] = await Promise.all([
    has("session.tools.listPendingRequests"),
    has("session.mcp.oauth.complete"),
  ]);
  return Object.freeze({ pendingTools, runtimeLogin });
}
