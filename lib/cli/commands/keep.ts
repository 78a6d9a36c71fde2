import { LatchkeyError } from "../../base/errors.js";
import { pause } from "../../base/until.js";
import type { Keeper, KeepOptions } from "../../keeper/index.js";
import type { Ledger } from "../../ledger/index.js";
import type { EventType } from "../../protocol/index.js";
import type { Rpc } from "../../rpc/index.js";
import { every, living, short, what } from "../entries.js";
import { exit, explainShort, Stop, UsageError } from "../exit.js";
import { type Io, oneLine, paint, print, printJson, progress } from "../io.js";
import { kindNames } from "../names-of.js";
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

/**
 * The keeper's life:
 *
 *   waits     no runtime answers; it tries again, a little later each time, and looks its place up anew
 *   keeps     connected: holds sessions at their birth, records what they ask, delivers answers, until the connection ends
 *   ends      by a signal: what was seen is on disk, and nothing more is sent
 */
export async function keep(given: Given, io: Io): Promise<undefined> {
  const kinds = oneOf(given.kind, kindNames, "kind");
  const say = sayer(given.json === true, io);
  await using ledger = await reachLedger(given.ledger, { make: true });
  const keeping: Keeping = {
    ledger,
    say,
    kinds: kinds.length > 0 ? kinds : undefined,
    principal: given.principal,
    sessions: given.session,
    interest: await Promise.all((given.interest ?? []).map(eventType)),
    capabilities: { elicitation: given["keep-elicitation"], mcpApps: given["keep-mcp-apps"] },
  };
  // Before a connection is there: a birth that nobody listens for is not announced again.
  const rooms = await load();
  for (let pauseMs = 100; !io.signal.aborted; ) {
    const rpc = await dial(given.endpoint, io, say, pauseMs);
    if (rpc === undefined) {
      pauseMs = Math.min(pauseMs * 2, 5000);
      continue;
    }
    pauseMs = 100;
    await keepOn(rpc, keeping, rooms, io.signal);
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
  const place = runtimePlace(endpoint);
  try {
    if (place === undefined && endpoint === undefined) throw new Stop(exit.runtime, "no runtime was started yet");
    if (place === undefined) throw new Stop(exit.runtime, `no runtime at ${endpoint}`);
    return await connect(place.endpoint, { token: place.token, signal: io.signal, timeoutMs: 5000 });
  } catch (error) {
    if (io.signal.aborted) return undefined;
    if (error instanceof TypeError) throw error;
    if (pauseMs >= 5000) await say({ did: "waiting", why: explainShort(error) });
    await pause(pauseMs, io.signal).catch(() => undefined);
    return undefined;
  }
}

interface Keeping {
  readonly ledger: Ledger;
  readonly say: Say;
  readonly kinds: (typeof kindNames)[number][] | undefined;
  readonly principal: string | undefined;
  readonly sessions: readonly string[] | undefined;
  readonly interest: readonly EventType[];
  readonly capabilities: { elicitation?: boolean | undefined; mcpApps?: boolean | undefined };
}

async function load() {
  const [{ deliverAnswers, keepSessions, recordPending }, { hold }, { registerInterest }] = await Promise.all([
    import("../../keeper/index.js"),
    import("../../pending/index.js"),
    import("../../events/index.js"),
  ]);
  return { deliverAnswers, recordPending, hold, keepSessions, registerInterest };
}

async function keepOn(
  rpc: Rpc,
  keeping: Keeping,
  rooms: Awaited<ReturnType<typeof load>>,
  signal: AbortSignal,
): Promise<void> {
  const { deliverAnswers, recordPending, hold, keepSessions, registerInterest } = rooms;
  const { ledger, say, sessions, kinds, principal } = keeping;
  const by = `latchkey keep ${process.pid}`;
  const complain = ({ error }: { error: unknown }): Promise<void> => say({ did: "failed", why: explainShort(error) });
  rpc.events.on("listener:error", complain);

  const recorder = recordPending(rpc, ledger, { kinds, principal, by });
  recorder.events.on("recorded", (entry) =>
    say({ did: "recorded", id: short(entry.id), kind: entry.kind, what: what(entry) }),
  );
  recorder.events.on("error", complain);
  const deliverer = deliverAnswers(rpc, ledger, { sessions, owner: by });
  deliverer.events.on("settled", (entry) => say({ did: "settled", id: short(entry.id), outcome: entry.outcome }));
  deliverer.events.on("lost", (entry) => say({ did: "lost", id: short(entry.id), kind: entry.kind }));
  deliverer.events.on("error", complain);

  const taken = async (sessionId: string): Promise<void> => {
    for (const type of keeping.interest) await registerInterest(rpc.session(sessionId), type);
    await recorder.catchUp(sessionId);
    await say({ did: "held", session: sessionId });
  };
  const missed = async (sessionId: string, error: unknown): Promise<void> => {
    if (signal.aborted || (error instanceof LatchkeyError && over.has(error.code))) return;
    await say({ did: "missed", session: sessionId, why: explainShort(error) });
  };
  const listen = (options: KeepOptions): Keeper => {
    const keeper = keepSessions(rpc, { ...keeping.capabilities, ...options });
    keeper.events.on("held", ({ sessionId }) => taken(sessionId).catch((error: unknown) => missed(sessionId, error)));
    keeper.events.on("missed", ({ sessionId, error }) => missed(sessionId, error));
    return keeper;
  };
  const keepers: Keeper[] = [];
  // A birth comes before anything can block. What is only updated is held if it was ours before.
  if (sessions === undefined) keepers.push(listen({}));
  await say({ did: "connected", endpoint: rpc.endpoint, runtime: rpc.hello.version });
  const known = new Set(sessions);
  if (sessions === undefined) for await (const { sessionId } of every(ledger, { state: living })) known.add(sessionId);
  const returning = listen({ updated: true, filter: ({ sessionId }) => known.has(sessionId) });
  keepers.push(returning);
  for (const sessionId of known) {
    if (returning.holds.has(sessionId)) continue;
    try {
      await hold(rpc, sessionId, { ...keeping.capabilities, signal, timeoutMs: 10_000 });
      await taken(sessionId);
    } catch (error) {
      await missed(sessionId, error);
    }
  }

  await Promise.race([aborted(signal), rpc.closed]);
  for (const keeper of keepers) keeper.close();
  await deliverer.close();
  await recorder.close();
  await rpc.close();
}

/** Errors of a session that is not there, or of a connection that is over: there is nothing to hold. */
const over = new Set(["SESSION_NOT_FOUND", "CLOSED", "ENDED", "DESTROYED"]);

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
