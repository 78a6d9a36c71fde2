import { pause } from "../../base/until.js";
import type { KeepingOptions } from "../../keeper/index.js";
import type { Ledger } from "../../ledger/index.js";
import { kindNames } from "../../pending/internal.js";
import type { EventType } from "../../protocol/index.js";
import type { Rpc } from "../../rpc/index.js";
import { shortId, summary } from "../entries.js";
import { exit, explainShort, Stop, UsageError } from "../exit.js";
import { type Io, oneLine, paint, print, printJson, progress } from "../io.js";
import { reachLedger, runtimePlace } from "../reach.js";
import { oneOf } from "./command.js";

interface Given {
  ledger?: string | undefined;
  endpoint?: string | undefined;
  session?: string[] | undefined;
  kind?: string[] | undefined;
  interest?: string[] | undefined;
  principal?: string | undefined;
  json?: boolean | undefined;
  "keep-elicitation"?: boolean | undefined;
  "keep-mcp-apps"?: boolean | undefined;
}

/** The pause before a runtime that does not answer is tried again doubles from the first to the longest. */
const firstPauseMs = 100;
const longestPauseMs = 5000;
/** How long a connection to it may take. */
const connectLimitMs = 5000;

/**
 * The keeper's life:
 *
 *   waits     no runtime answers; it tries again, a little later each time, and looks its place up anew
 *   keeps     connected: holds sessions at their birth, records what they ask, delivers answers, until the connection ends
 *   ends      by a signal: what was seen is on disk, and nothing more is sent. Or by an error of a store that takes nothing more
 */
export async function keep(given: Given, io: Io): Promise<undefined> {
  const kinds = oneOf(given.kind, kindNames, "kind");
  const say = sayer(given.json === true, io);
  await using ledger = await reachLedger(given.ledger, { make: true });
  const options: KeepingOptions = {
    kinds: kinds.length > 0 ? kinds : undefined,
    principal: given.principal,
    sessions: given.session,
    interest: await Promise.all((given.interest ?? []).map(eventType)),
    elicitation: given["keep-elicitation"],
    mcpApps: given["keep-mcp-apps"],
    owner: `latchkey keep ${process.pid}`,
  };
  // Before a connection is there: a birth that nobody listens for is not announced again.
  const keeper = await import("../../keeper/index.js");
  for (let pauseMs = firstPauseMs; !io.signal.aborted; ) {
    const rpc = await dial(given.endpoint, io, say, pauseMs);
    if (rpc === undefined) {
      pauseMs = Math.min(pauseMs * 2, longestPauseMs);
      continue;
    }
    pauseMs = firstPauseMs;
    await keepOn(rpc, { say, ledger, options }, keeper, io.signal);
    if (!io.signal.aborted) await say({ did: "disconnected", why: (await rpc.closed).message });
  }
  await say({ did: "ended" });
  return undefined;
}

interface Note {
  readonly did: string;
  readonly [field: string]: unknown;
}
type Say = (note: Note) => Promise<void>;

/** One line for each thing that happens: what, and the fields that tell which. */
function sayer(json: boolean, io: Io): Say {
  const { dim } = paint(io.out);
  return async (note) => {
    const at = new Date().toISOString();
    if (json) return await printJson(io.out, { at, ...note });
    const { did, ...fields } = note;
    const rest = Object.values(fields).filter((field) => field !== undefined && field !== "");
    await print(io.out, `${dim(at)}  ${[did, ...rest.map((field) => oneLine(String(field)))].join("  ")}`);
  };
}

/** A connection, or nothing after a pause. Only what will not get better by waiting is thrown. */
async function dial(endpoint: string | undefined, io: Io, say: Say, pauseMs: number): Promise<Rpc | undefined> {
  const { connect } = await import("../../rpc/index.js");
  using _ = progress(io.err, "waits for the runtime");
  const place = await runtimePlace(endpoint);
  try {
    if (place === undefined && endpoint === undefined)
      throw new Stop(exit.runtime, "no runtime runs that latchkey runtime start started");
    if (place === undefined) throw new Stop(exit.runtime, `no runtime at ${endpoint}`);
    return await connect(place.endpoint, { token: place.token, signal: io.signal, timeoutMs: connectLimitMs });
  } catch (error) {
    if (io.signal.aborted) return undefined;
    if (error instanceof TypeError) throw error;
    if (pauseMs >= longestPauseMs) await say({ did: "waiting", why: explainShort(error) });
    await pause(pauseMs, io.signal).catch(() => undefined);
    return undefined;
  }
}

type KeeperRoom = typeof import("../../keeper/index.js");

interface Plan {
  readonly say: Say;
  readonly ledger: Ledger;
  readonly options: KeepingOptions;
}

/** Keeps over one connection, a line for each thing that happens. */
async function keepOn(
  rpc: Rpc,
  { say, ledger, options }: Plan,
  keeper: KeeperRoom,
  signal: AbortSignal,
): Promise<void> {
  const failed = ({ error }: { error: unknown }): Promise<void> => say({ did: "failed", why: explainShort(error) });
  rpc.events.on("listener:error", failed);
  const keeping = keeper.keep(rpc, ledger, options);
  const { events } = keeping;
  events.on("held", ({ sessionId }) => say({ did: "held", session: sessionId }));
  events.on("missed", ({ sessionId, error }) => say({ did: "missed", session: sessionId, why: explainShort(error) }));
  events.on("recorded", (entry) =>
    say({ did: "recorded", id: shortId(entry.id), kind: entry.kind, what: summary(entry) }),
  );
  events.on("settled", (entry) => say({ did: "settled", id: shortId(entry.id), outcome: entry.outcome }));
  events.on("lost", (entry) => say({ did: "lost", id: shortId(entry.id), kind: entry.kind }));
  events.on("error", failed);
  try {
    await say({ did: "connected", endpoint: rpc.endpoint, runtime: rpc.hello.version });
    // Rejects when the store takes nothing more.
    await Promise.race([aborted(signal), rpc.closed, keeping.closed]);
    await keeping.close();
  } finally {
    await rpc.close();
  }
}

async function eventType(name: string): Promise<EventType> {
  const { eventTypes } = await import("../names.js");
  const found = eventTypes.find((each) => each === name);
  if (found === undefined) throw new UsageError(`--interest "${name}" is no event type`, "keep");
  return found;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
