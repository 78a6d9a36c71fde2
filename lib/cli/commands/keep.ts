import { pause } from "../../base/until.js";
import type { KeepingOptions } from "../../keeper/index.js";
import type { Entry, Ledger } from "../../ledger/index.js";
import { kindNames } from "../../pending/internal.js";
import type { EventType } from "../../protocol/index.js";
import type { Rpc } from "../../rpc/index.js";
import { summary } from "../entries.js";
import { exit, explainShort, Stop, UsageError } from "../exit.js";
import { serveHealth } from "../health/server.js";
import { type Io, progress } from "../io.js";
import { createLog, type Log } from "../log.js";
import { reachLedger, runtimeTarget } from "../reach.js";
import { oneOf } from "./command.js";

interface Flags {
  ledger?: string | undefined;
  endpoint?: string | undefined;
  session?: string[] | undefined;
  kind?: string[] | undefined;
  interest?: string[] | undefined;
  principal?: string | undefined;
  json?: boolean | undefined;
  health?: string | undefined;
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
 *   waits     no runtime answers; it tries again, a little later each time, and looks up again where the runtime is
 *   keeps     connected: holds sessions at their birth, records what they ask, delivers answers, until the connection ends
 *   ends      by a signal: what was seen is on disk, and nothing more is sent. Or by an error of a store that takes nothing more
 */
export async function keep(flags: Flags, io: Io): Promise<undefined> {
  const kinds = oneOf(flags.kind, kindNames, "kind");
  const say = createLog(flags.json === true, io);
  await using ledger = await reachLedger(flags.ledger, { make: true, signal: io.signal });
  let connected = false;
  const unready = (): string | undefined => (connected ? undefined : "no runtime is connected");
  await using _health = await serveHealth(flags.health, { ledger, unready, log: say });
  const options: KeepingOptions = {
    kinds: kinds.length > 0 ? kinds : undefined,
    principal: flags.principal,
    sessions: flags.session,
    interest: await Promise.all((flags.interest ?? []).map(eventType)),
    elicitation: flags["keep-elicitation"],
    mcpApps: flags["keep-mcp-apps"],
    owner: `latchkey keep ${process.pid}`,
  };
  // Loaded before the connection is made: a session's birth is announced once, and must not be missed.
  const keeper = await import("../../keeper/index.js");
  for (let pauseMs = firstPauseMs; !io.signal.aborted; ) {
    const rpc = await dial({ endpoint: flags.endpoint, say, pauseMs }, io);
    if (rpc === undefined) {
      pauseMs = Math.min(pauseMs * 2, longestPauseMs);
      continue;
    }
    pauseMs = firstPauseMs;
    connected = true;
    await keepOver(rpc, { keeper, ledger, options, say, signal: io.signal });
    connected = false;
    if (!io.signal.aborted) await say({ did: "disconnected", level: "warn", why: (await rpc.closed).message });
  }
  await say({ did: "ended" });
  return undefined;
}

/** A connection, or nothing after a pause. Only what will not get better by waiting is thrown. */
async function dial(
  { endpoint, say, pauseMs }: { endpoint: string | undefined; say: Log; pauseMs: number },
  io: Io,
): Promise<Rpc | undefined> {
  const { connect } = await import("../../rpc/index.js");
  using _ = progress(io.err, "waits for the runtime");
  const target = await runtimeTarget(endpoint);
  try {
    if (target === undefined && endpoint === undefined)
      throw new Stop(exit.runtime, "no runtime runs that latchkey runtime start started");
    if (target === undefined) throw new Stop(exit.runtime, `no runtime at ${endpoint}`);
    return await connect(target.endpoint, { token: target.token, signal: io.signal, timeoutMs: connectLimitMs });
  } catch (error) {
    if (io.signal.aborted) return undefined;
    if (error instanceof TypeError) throw error;
    if (pauseMs >= longestPauseMs) await say({ did: "waiting", level: "warn", why: explainShort(error) });
    await pause(pauseMs, io.signal).catch(() => undefined);
    return undefined;
  }
}

type KeeperRoom = typeof import("../../keeper/index.js");

interface Work {
  readonly keeper: KeeperRoom;
  readonly ledger: Ledger;
  readonly options: KeepingOptions;
  readonly say: Log;
  readonly signal: AbortSignal;
}

interface Problem {
  readonly error: unknown;
  readonly sessionId?: string;
  readonly entry?: Entry;
}

const idsOf = ({ id, sessionId, kind }: Entry) => ({ id, session: sessionId, kind });

/** Keeps sessions over one connection. Prints a line for each event. */
async function keepOver(rpc: Rpc, { keeper, ledger, options, say, signal }: Work): Promise<void> {
  const failed = ({ error, sessionId, entry }: Problem): Promise<void> =>
    say({
      did: "failed",
      level: "error",
      id: entry?.id,
      session: sessionId ?? entry?.sessionId,
      why: explainShort(error),
    });
  rpc.events.on("listener:error", failed);
  const keeping = keeper.keep(rpc, ledger, options);
  const { events } = keeping;
  events.on("held", ({ sessionId }) => say({ did: "held", session: sessionId }));
  events.on("missed", ({ sessionId, error }) =>
    say({ did: "missed", level: "warn", session: sessionId, why: explainShort(error) }),
  );
  events.on("recorded", (entry) => say({ did: "recorded", ...idsOf(entry), what: summary(entry) }));
  events.on("settled", (entry) => say({ did: "settled", ...idsOf(entry), outcome: entry.outcome }));
  events.on("lost", (entry) => say({ did: "lost", level: "warn", ...idsOf(entry) }));
  events.on("parked", (entry) => say({ did: "parked", ...idsOf(entry) }));
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
  if (found === undefined) throw new UsageError(`--interest "${name}" is not an event type`, "keep");
  return found;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
