/** What the tests of the event log share. */
import { type Followed, follow, type Gap } from "latchkey/events";
import type { Rpc, Session } from "latchkey/rpc";
import { runTurn, type World } from "./world.js";

export const log = (session: Session, message: string) => session.request("log", { message, ephemeral: true });
export const text = ({ event }: Followed): string => (event.type === "session.info" ? event.data.message : event.type);

/** Reads until the message `last` has been seen. */
export async function readTo(
  session: Session,
  last: string,
  options: Parameters<typeof follow>[1] = {},
): Promise<Followed[]> {
  const seen: Followed[] = [];
  for await (const item of follow(session, { waitMs: 200, signal: AbortSignal.timeout(10_000), ...options })) {
    seen.push(item);
    if (text(item) === last) return seen;
  }
  throw new Error("it ended");
}

export const gaps = (items: readonly Followed[]): Gap[] => items.flatMap(({ gap }) => (gap ? [gap] : []));

export const paramsOf = (world: World) => ({ ...world.sessionParams(), mcpServers: {} });

/** A session that has had a turn, so it is on disk. */
export async function begin(rpc: Rpc, world: World): Promise<Session> {
  const { sessionId } = await rpc.request("session.create", paramsOf(world));
  const session = rpc.session(sessionId);
  await runTurn(session, "hello");
  return session;
}

export async function reload(rpc: Rpc, world: World, session: Session): Promise<void> {
  await session.request("destroy");
  await rpc.request("session.resume", { ...paramsOf(world), sessionId: session.id });
}
