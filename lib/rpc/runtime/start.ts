import type { Runtime, StartOptions } from "./runtime.js";

/**
 * Starts a runtime on loopback TCP, always with a token: without one every local process may call everything.
 * @throws ConnectionError `REFUSED` with the end of its standard error, when it dies before it listens or cannot be run.
 * An abort rejects with the signal's reason. What the handshake can cause is thrown as by `connect`.
 * @example
 * ```ts
 * import { connect, startRuntime } from "latchkey/rpc";
 *
 * await using runtime = await startRuntime({ home: "/tmp/copilot-home" });
 * await using rpc = await connect(runtime.endpoint, { token: runtime.token });
 * console.log(rpc.hello.version);
 * ```
 */
export async function startRuntime(options: StartOptions = {}): Promise<Runtime> {
  options.signal?.throwIfAborted();
  // Whoever connects to a runtime that runs already never loads it.
  const { launch } = await import("./launch.js");
  return await launch(options);
}
