/** The sessions that a run of the runtime knows: those in memory, and those on disk. Makes, loads, attaches to, lists and removes them. */
import { goOn } from "./asking.js";
import { attach, recover, unload } from "./lifecycle.js";
import type { Peer } from "./peer.js";
import { startAll } from "./servers.js";
import {
  announce,
  capabilities,
  createSession,
  emit,
  type Session,
  type Stored,
  type Surroundings,
} from "./session.js";

type Params = Readonly<Record<string, unknown>>;
/** A method that is about no session, or about one that need not be loaded. `after` runs when the response is on the wire. */
export type Method = (peer: Peer, params: Params, after: (act: () => void) => void) => unknown;

/** What the runtime leaves when it ends. */
export interface Disk {
  readonly folder: string;
  readonly sessions: Map<string, Stored>;
}

export interface Catalog {
  readonly sessions: ReadonlyMap<string, Session>;
  readonly methods: Readonly<Record<string, Method>>;
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export function createCatalog(disk: Disk, around: Surroundings): Catalog {
  const { traits, random, clock } = around;
  const sessions = new Map<string, Session>();

  const described = (session: Session): unknown => ({
    sessionId: session.id,
    nativeSessionId: session.id,
    startTime: session.stored.startTime,
    isRemote: false,
    mode: session.mode,
    workspacePath: `${disk.folder}/session-state/${session.id}`,
    capabilities: capabilities(session),
    modelState: typeof session.model === "string" ? { modelId: session.model } : {},
  });

  function create(peer: Peer, params: Params, after: (act: () => void) => void): unknown {
    const { sessionId = random.uuid(), model } = params;
    if (typeof sessionId !== "string" || !uuid.test(sessionId))
      throw new Error(`Rejected session.create request with invalid sessionId: ${String(sessionId)}`);
    if (traits.checksModel && model !== undefined && typeof model !== "string")
      throw new Error(`session construction failed: invalid type: ${JSON.stringify(model)}, expected a string`);
    const startTime = new Date(clock.now()).toISOString();
    const stored: Stored = { id: sessionId, startTime, events: [], calls: new Map() };
    const before = sessions.get(sessionId);
    if (before) unload(before);
    disk.sessions.set(sessionId, stored);
    const session = createSession(stored, around, goOn);
    sessions.set(sessionId, session);
    const tell = attach(session, peer, params);
    if (traits.announcesFirst) announce(session, "session.created");
    after(() => {
      const context = { cwd: disk.folder };
      emit(session, "session.start", {
        sessionId,
        version: 1,
        producer: "copilot-agent",
        startTime,
        selectedModel: model ?? null,
        context,
      });
      tell();
      announce(session, "session.created");
      if (around.asksEarly) startAll(session);
    });
    return described(session);
  }

  function resumed(peer: Peer, params: Params, after: (act: () => void) => void): unknown {
    const { sessionId } = params;
    if (typeof sessionId !== "string") throw new Error("Missing sessionId parameter");
    const live = sessions.get(sessionId);
    const attachTo = (session: Session, cold: boolean): unknown => {
      const tell = attach(session, peer, params);
      after(() => {
        if (!session.loaded) return;
        if (params.disableResume !== true)
          emit(session, "session.resume", {
            resumeTime: new Date(clock.now()).toISOString(),
            eventCount: session.stored.events.length,
            sessionWasActive: false,
          });
        tell();
        if (cold) recover(session, { goOn: params.continuePendingWork === true });
      });
      return described(session);
    };
    if (live?.loaded) return live.gate.exclusive(() => attachTo(live, false));
    const stored = disk.sessions.get(sessionId);
    if (stored?.title === undefined) throw new Error(`Failed to load session events: Session not found: ${sessionId}`);
    const session = createSession(stored, around, goOn);
    sessions.set(sessionId, session);
    return attachTo(session, true);
  }

  const known = (): Stored[] => [...disk.sessions.values()].filter(({ title }) => title !== undefined);

  const metadata = ({ id, startTime, title, events }: Stored): unknown => ({
    sessionId: id,
    startTime,
    modifiedTime: events.at(-1)?.timestamp ?? startTime,
    isRemote: false,
    summary: title,
    name: title,
    context: { cwd: disk.folder },
  });

  function closed({ sessionId }: Params): unknown {
    if (typeof sessionId !== "string") throw new Error(`Invalid sessionId: ${String(sessionId)}`);
    const session = sessions.get(sessionId);
    if (session) unload(session);
    return {};
  }

  function remove({ sessionId }: Params): unknown {
    const session = sessions.get(String(sessionId));
    if (session?.loaded) {
      unload(session, "destroy");
      announce(session, "session.deleted");
    }
    return { success: disk.sessions.delete(String(sessionId)) };
  }

  return {
    sessions,
    methods: {
      "session.create": create,
      "session.resume": resumed,
      "session.delete": (_, params) => remove(params),
      "session.list": () => ({ sessions: known().map(metadata) }),
      "session.getMetadata": (_, { sessionId }) => {
        const stored = known().find(({ id }) => id === sessionId);
        return stored ? { session: metadata(stored) } : {};
      },
      "session.getLastId": () => {
        const last = known().at(-1);
        return last ? { sessionId: last.id } : {};
      },
      "sessions.close": (_, params) => closed(params),
    },
  };
}
