import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Ledger } from "../ledger/index.js";
import type { MarkedState, Rpc } from "../rpc/index.js";
import { exit, Stop, UsageError } from "./exit.js";
import { oneLine } from "./io.js";
import { environmentKeys, hasKeyCommand } from "./key-command.js";
import { makeStateFolder, type RuntimeNote, readRuntimeNote, stateFolder } from "./state-folder.js";

/** How a command reaches ledger and runtime. Rooms are loaded when they are needed: `latchkey ls` is quick because of that. */

export function ledgerLocation(location: string | undefined): string {
  return location ?? (process.env.LATCHKEY_LEDGER || join(stateFolder(), "ledger.db"));
}

export const isUrl = (location: string): boolean => /^postgres(ql)?:/.test(location);

/** A location as it may be printed: without user info and query. */
export function shownLocation(location: string): string {
  if (!isUrl(location) || !URL.canParse(location)) return isUrl(location) ? "postgres:" : location;
  const url = new URL(location);
  return `${url.protocol}//${url.host}${url.pathname}`;
}

/** Opens the ledger. A file that is not there is made only by commands that write requests or wait for them. */
export async function reachLedger(
  option: string | undefined,
  { make = false, signal }: { make?: boolean; signal?: AbortSignal } = {},
): Promise<Ledger> {
  const location = ledgerLocation(option);
  if (!isUrl(location) && location !== ":memory:") {
    if (!make && !existsSync(location))
      throw new Stop(
        exit.ledger,
        `no ledger at ${oneLine(location)}: latchkey keep makes one; for another give --ledger, or set LATCHKEY_LEDGER`,
      );
    if (make && location.startsWith(stateFolder())) makeStateFolder();
  }
  const { openLedger } = await import("../ledger/index.js");
  try {
    // A broker for one principal, with that principal's key.
    const principal = process.env.LATCHKEY_PRINCIPAL;
    const keys = hasKeyCommand() ? await environmentKeys(signal) : undefined;
    return await openLedger(location, { keys, principal });
  } catch (error) {
    // An invalid location, key or principal.
    if (error instanceof TypeError) throw new Stop(exit.ledger, error.message);
    throw error;
  }
}

export interface RuntimeTarget {
  readonly endpoint: string;
  readonly token?: string;
}

/** The endpoint that was named, on the command line or in the environment. */
export function namedEndpoint(option: string | undefined): string | undefined {
  const endpoint = option ?? process.env.LATCHKEY_ENDPOINT;
  if (!endpoint) return undefined;
  refuseOddEndpoint(endpoint, option === undefined ? "LATCHKEY_ENDPOINT" : "--endpoint");
  return endpoint;
}

/**
 * What of the noted runtime is still so: process, start of the process and listening socket. The file stays when a runtime dies,
 * and its port and process id go to others, who must not be sent its token.
 */
export async function checkNote({ endpoint, pid, processStart }: RuntimeNote): Promise<MarkedState> {
  const { checkMark, markRuntime } = await import("../rpc/index.js");
  if (processStart !== undefined) return await checkMark({ endpoint, pid, processStart });
  // Where the operating system tells, a note that does not say it proves nothing.
  return (await markRuntime({ endpoint, pid })).processStart === undefined ? "unknown" : "gone";
}

/** The noted runtime, while it is still the one that was noted. */
async function noteOfRunning(): Promise<RuntimeNote | undefined> {
  const note = readRuntimeNote();
  if (note === undefined) return undefined;
  const state = await checkNote(note);
  return state === "running" || state === "unknown" ? note : undefined;
}

/** The runtime's endpoint and token. Undefined when no endpoint was named and the noted runtime is gone. */
export async function runtimeTarget(option: string | undefined): Promise<RuntimeTarget | undefined> {
  const endpoint = namedEndpoint(option);
  const token = process.env.COPILOT_CONNECTION_TOKEN;
  if (endpoint && token) return { endpoint, token };
  const note = await noteOfRunning();
  if (!endpoint) return note && { endpoint: note.endpoint, token: note.token };
  return { endpoint, ...(note?.endpoint === endpoint ? { token: note.token } : {}) };
}

function refuseOddEndpoint(endpoint: string, origin: string): void {
  const { protocol, hostname, port } = URL.canParse(endpoint) ? new URL(endpoint) : new URL("none:");
  if (protocol !== "tcp:" || hostname === "" || !(Number(port) > 0))
    throw new UsageError(`${origin} "${oneLine(endpoint)}" is not an endpoint: write tcp://HOST:PORT`);
}

export async function reachRuntime(
  option: string | undefined,
  { signal, timeoutMs = 5000 }: { signal?: AbortSignal; timeoutMs?: number } = {},
): Promise<Rpc> {
  const target = await runtimeTarget(option);
  if (target === undefined)
    throw new Stop(exit.runtime, "no runtime: start one with latchkey runtime start, or give --endpoint");
  const { connect } = await import("../rpc/index.js");
  return await connect(target.endpoint, {
    token: target.token,
    signal,
    timeoutMs,
    clientInfo: { editorName: "latchkey" },
  });
}
