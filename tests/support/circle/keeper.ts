import { hold } from "latchkey/pending";
import { connect, type Rpc, type Session } from "latchkey/rpc";
import * as v from "valibot";
import { given, heard, say } from "../world/program.js";
import { approvePermissions, exposeErrors, runTurn, serverStatus } from "../world.js";

const params = v.object({ endpoint: v.string(), token: v.string() });

/**
 * Attaches to every session when it is born, approves its permissions, and keeps it when its owner is gone.
 * What it says: `ready`, `held`, `completed` (an OAuth request), `idle`. What it hears: `prompt`.
 */
export async function playKeeper(join?: (rpc: Rpc) => void): Promise<void> {
  const { endpoint, token } = given(params);
  const rpc = await connect(endpoint, { token });
  join?.(rpc);
  let session: Session | undefined;
  const born = new Set<string>();
  rpc.events.on("session.lifecycle", async ({ sessionId, event }) => {
    // Runtime 1.0.102 announces a birth twice.
    if (event.type !== "session.created" || born.has(sessionId)) return;
    born.add(sessionId);
    await hold(rpc, sessionId);
    session = rpc.session(sessionId);
    exposeErrors(session.events);
    approvePermissions(session);
    session.events.on("mcp.oauth_completed", ({ data }) => say({ type: "completed", ...data }));
    session.events.on("session.idle", () => say({ type: "idle" }));
    await say({ type: "held", sessionId });
  });
  exposeErrors(rpc.events);
  await say({ type: "ready" });
  for await (const message of heard()) {
    if (session === undefined) continue;
    await serverStatus(session, "connected");
    await runTurn(session, String(message.prompt));
  }
}
