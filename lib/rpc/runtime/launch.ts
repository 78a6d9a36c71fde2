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
import type { Runtime, StartOptions } from "./runtime.js";
import { abandon, createStop, type Program } from "./stop.js";

const listening = /listening on port (\d+)/;
const stderrKept = 4096;

/** What `startRuntime` does. In a file of its own, so that it is loaded when a runtime is started. */
export async function launch(options: StartOptions): Promise<Runtime> {
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
