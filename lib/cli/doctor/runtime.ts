import { stat } from "node:fs/promises";
import { codeOf } from "../../base/code.js";
import { distrustOwner, octal } from "../../base/private-file.js";
import { explainShort } from "../exit.js";
import { type RuntimeTarget, runtimeTarget } from "../reach.js";
import { readRuntimeNote, runtimeFile, stateFolder } from "../state-folder.js";
import type { Finding } from "./finding.js";

const about = "runtime";

export async function* runtimeFindings(endpoint: string | undefined, signal: AbortSignal): AsyncGenerator<Finding> {
  yield await program();
  yield* modes();
  const note = readRuntimeNote();
  const target = await runtimeTarget(endpoint);
  if (target === undefined) {
    const what = note === undefined ? "none was started" : `the one that was started at ${note.endpoint} is gone`;
    yield { about, state: "odd", what, todo: "latchkey runtime start, or give --endpoint." };
    return;
  }
  if (target.token === undefined)
    yield {
      about: "token",
      state: "odd",
      what: `no token is known for ${target.endpoint}`,
      todo: "Set COPILOT_CONNECTION_TOKEN. A runtime without a token obeys every local process.",
    };
  yield await reached({ ...target, isNoted: note?.endpoint === target.endpoint }, signal);
}

async function program(): Promise<Finding> {
  const { findRuntime } = await import("../../rpc/index.js");
  try {
    return { about: "program", state: "well", what: findRuntime() };
  } catch (error) {
    return {
      about: "program",
      state: "odd",
      what: explainShort(error),
      todo: "Needed only where the runtime is started: npm install @github/copilot, or set COPILOT_CLI_PATH.",
    };
  }
}

async function* modes(): AsyncGenerator<Finding> {
  for (const [path, allowed] of [
    [stateFolder(), 0o700],
    [runtimeFile(), 0o600],
  ] as const) {
    const finding = await mode(path, allowed);
    if (finding) yield finding;
  }
}

/** Whose a file is, and whether others may look into it; nothing when it is not there. */
export async function mode(path: string, allowed: number): Promise<Finding | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined || process.platform === "win32") return undefined;
  const stranger = distrustOwner(found.uid);
  if (stranger !== undefined) {
    const todo = `Find out who put it there; latchkey takes files of its own user and root's only.`;
    return { about: "modes", state: "bad", what: `${path} ${stranger}`, todo };
  }
  const shown = `${path} has mode ${octal(found.mode)}`;
  if ((found.mode & 0o777 & ~allowed) === 0) return { about: "modes", state: "well", what: shown };
  return { about: "modes", state: "bad", what: shown, todo: `chmod ${allowed.toString(8)} ${path}` };
}

async function reached(
  { endpoint, token, isNoted }: RuntimeTarget & { readonly isNoted: boolean },
  signal: AbortSignal,
): Promise<Finding> {
  const { connect } = await import("../../rpc/index.js");
  const { protocolWindow, schemaVersion } = await import("../../protocol/index.js");
  try {
    await using rpc = await connect(endpoint, { token, signal, timeoutMs: 5000 });
    const { version, protocolVersion } = rpc.hello;
    const { testedVersions } = rpc;
    const { min, max } = protocolWindow;
    const what = `${version} answers at ${endpoint}; protocol ${protocolVersion} of ${min} to ${max}, types of ${schemaVersion}`;
    if (testedVersions === undefined) return { about, state: "well", what };
    const todo = `latchkey is tested with ${testedVersions.join(" and ")}. Others of this protocol are let in; docs/protocol.md says where versions differ.`;
    return { about, state: "odd", what, todo };
  } catch (error) {
    const code = codeOf(error);
    const what = `${endpoint}: ${error instanceof Error ? error.message : String(error)}`;
    if (code === "UNAUTHORIZED")
      return {
        about: "token",
        state: "bad",
        what,
        todo: "Set COPILOT_CONNECTION_TOKEN to the token that this runtime was started with.",
      };
    if (code === "PROTOCOL")
      return { about, state: "bad", what, todo: "Use a latchkey and a runtime that speak the same protocol version." };
    return {
      about,
      state: "bad",
      what,
      todo: isNoted
        ? "It is gone: latchkey runtime start starts another; sessions are resumed by their hosts."
        : "Look whether it runs, and whether the port is right.",
    };
  }
}
