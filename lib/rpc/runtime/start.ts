import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { access, chmod, constants } from "node:fs/promises";
import { childEnvironment } from "../../base/environment.js";
import { ConnectionError } from "../../base/errors.js";
import { hide } from "../../base/hide.js";
import { redactText } from "../../base/redact.js";
import { until } from "../../base/until.js";
import { visible } from "../../base/visible.js";
import { connect } from "../connect.js";
import { findRuntime, followLoader } from "./find.js";
import { listenerAmong, startOf } from "./processes.js";
import { abandon, createStop, type Program } from "./stop.js";

/** Options of `startRuntime`. */
export interface StartOptions {
  /** The runtime's binary, or a `.js` file that Node runs; npm's loader stands for the binary that it loads. Found by itself when left out. */
  path?: string | undefined;
  /**
   * Added to this process's environment, of which the runtime gets neither `LATCHKEY_*` nor another runtime's `COPILOT_CONNECTION_TOKEN`:
   * it runs commands for a model. A variable that is named here it gets. `undefined` takes one out.
   */
  env?: Record<string, string | undefined> | undefined;
  /** The folder to start it in. This process's own when left out. */
  cwd?: string | undefined;
  /** A home folder of its own: sessions, settings and logs go there. */
  home?: string | undefined;
  /** The connection token; a random one when left out. Never on the command line. */
  token?: string | undefined;
  /** How much the runtime writes to its log files. Its own default when left out. */
  logLevel?: "none" | "error" | "warning" | "info" | "debug" | "all" | undefined;
  /** Further arguments for the runtime. */
  args?: readonly string[] | undefined;
  /** Lets it outlive this process. Its standard error is then not read after it listens. */
  detached?: boolean | undefined;
  /** Gives up starting: the process is ended. */
  signal?: AbortSignal | undefined;
}

/** A runtime that this process has started. */
export interface Runtime {
  /** `tcp://127.0.0.1:<port>`. */
  readonly endpoint: string;
  /** The connection token that `connect` needs. Left out when the object is printed or stringified. */
  readonly token: string;
  /** Of the runtime itself, also where a script that was started started it in turn. */
  readonly pid: number;
  /** The runtime's own version, such as `1.0.85`. */
  readonly version: string;
  /** As of an `Rpc`: there only when `version` is not among them. */
  readonly testedVersions?: readonly string[];
  /** Resolves when the process has ended, with its exit code or the signal that ended it. Never rejects. */
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** SIGTERM, then SIGKILL after `graceMs` (2000). Resolves when the process is gone. */
  stop(options?: { graceMs?: number }): Promise<void>;
  /** `await using` stops it. */
  [Symbol.asyncDispose](): Promise<void>;
}

const listening = /listening on port (\d+)/;
const stderrKept = 4096;

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
  const token = options.token ?? randomBytes(32).toString("base64url");
  const path =
    options.path === undefined ? findRuntime({ ...process.env, ...options.env }) : followLoader(options.path);
  const script = /\.[cm]?js$/.test(path);
  if (!script) await makeRunnable(path);
  const args = [
    ...(script ? [path] : []),
    "--headless",
    "--port",
    "0",
    "--no-auto-update",
    ...(options.logLevel === undefined ? [] : ["--log-level", options.logLevel]),
    ...(options.args ?? []),
  ];
  const home =
    options.home === undefined
      ? {}
      : { HOME: options.home, COPILOT_HOME: undefined, XDG_CONFIG_HOME: undefined, XDG_STATE_HOME: undefined };
  const child = spawn(script ? process.execPath : path, args, {
    cwd: options.cwd,
    env: childEnvironment({ ...home, ...options.env, COPILOT_CONNECTION_TOKEN: token }),
    detached: options.detached ?? false,
    stdio: ["ignore", "pipe", "pipe"],
    windowsHide: true,
  });
  const exit = endOf(child, "exit");
  const close = endOf(child, "close");
  let program: Program | undefined;
  const stop = createStop(child, exit, () => program);
  try {
    const port = await portOf(child, options.signal);
    const endpoint = `tcp://127.0.0.1:${port}`;
    const rpc = await connect(endpoint, { token, signal: options.signal });
    const { testedVersions } = rpc;
    const { version } = rpc.hello;
    await rpc.close();
    if (child.pid === undefined) throw new ConnectionError("REFUSED", "the runtime has no process id");
    const pid = await listenerAmong(child.pid, endpoint);
    if (pid !== child.pid) program = { pid, start: await startOf(pid) };
    if (options.detached) release(child);
    const runtime = {
      ...{ endpoint, pid, version, ...(testedVersions && { testedVersions }) },
      // A script may end before the program that it started; that one has the script's streams.
      exited: program === undefined ? exit : close,
      ...{ stop, [Symbol.asyncDispose]: stop },
    };
    hide(runtime, "token", token);
    return runtime;
  } catch (error) {
    await abandon(child, exit);
    throw error;
  }
}

type Ended = { code: number | null; signal: NodeJS.Signals | null };

function endOf(child: ChildProcess, event: "exit" | "close"): Promise<Ended> {
  return new Promise((resolve) => {
    child.once(event, (code: number | null, signal: NodeJS.Signals | null) => resolve({ code, signal }));
    child.once("error", () => resolve({ code: null, signal: null }));
  });
}

/** As installed from npm the binary may lack its run bit. */
async function makeRunnable(path: string): Promise<void> {
  try {
    await access(path, constants.X_OK);
  } catch (error) {
    try {
      await chmod(path, 0o755);
    } catch {
      throw new ConnectionError("REFUSED", `the runtime at "${path}" cannot be run`, error);
    }
  }
}

/** Reads the port from the runtime's standard output; when it dies first, its standard error says why. */
async function portOf(child: ChildProcess, signal: AbortSignal | undefined): Promise<number> {
  let printed = "";
  let complaint = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    complaint = (complaint + chunk.toString()).slice(-stderrKept);
  });
  return until<number>({ signal }, (resolve, reject) => {
    const refuse = (what: string, cause?: unknown): void =>
      reject(
        new ConnectionError(
          "REFUSED",
          complaint.trim() === "" ? what : `${what}: ${visible(redactText(complaint.trim()), stderrKept)}`,
          cause,
        ),
      );
    const onData = (chunk: Buffer): void => {
      printed += chunk.toString();
      const [, port] = listening.exec(printed) ?? [];
      if (port !== undefined) resolve(Number(port));
    };
    // "close" comes after the last of its output, "exit" may not.
    const onClose = (code: number | null, killedBy: NodeJS.Signals | null): void =>
      refuse(`the runtime ended (${killedBy ?? code}) before it listened`);
    const onError = (error: Error): void => refuse("the runtime could not be started", error);
    child.stdout?.on("data", onData);
    child.once("close", onClose);
    child.once("error", onError);
    return () => {
      child.off("close", onClose);
      child.off("error", onError);
      // Go on reading: a full pipe would stop the runtime.
      child.stdout?.off("data", onData).resume();
      child.stderr?.removeAllListeners("data").resume();
    };
  });
}

function release(child: ChildProcess): void {
  child.unref();
  for (const stream of [child.stdout, child.stderr])
    if (stream && "unref" in stream && typeof stream.unref === "function") stream.unref();
}
