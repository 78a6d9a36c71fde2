import { registerInterest } from "latchkey/events";
import { handlePendingRequest, type PendingRequest, pendingRequest, wholeData } from "latchkey/pending";
import { connect } from "latchkey/rpc";
import * as v from "valibot";
import { given, heard, say } from "../world/program.js";
import { exposeErrors, obtainToken, runTurn, serverStatus, sessionParams, tokenAnswer } from "../world.js";

const params = v.object({
  endpoint: v.string(),
  token: v.string(),
  places: v.object({ modelUrl: v.string(), mcpUrl: v.string() }),
  /** Whose answer the host wants from elsewhere: that to the first request, or to the one inside a turn. */
  when: v.picklist(["start", "turn"]),
});

/**
 * Owns a session, writes the OAuth request down with `record` and then knows nothing better than to wait. It is killed.
 * What it says: `created`, `connected` (when `turn`), `recorded`. What it hears: `go`, then `prompt` (when `turn`).
 */
export async function playHost(record: (request: PendingRequest<"mcp.oauth_required">) => Promise<void>) {
  const { endpoint, token, places, when } = given(params);
  const rpc = await connect(endpoint, { token });
  const { sessionId } = await rpc.request("session.create", sessionParams(places));
  const session = rpc.session(sessionId);
  exposeErrors(session.events);
  session.events.on("mcp.oauth_required", async (event) => {
    const request = pendingRequest(event, { sessionId, endpoint, principal: "ada" });
    if (when === "turn" && request.data.reason === "initial")
      await handlePendingRequest(rpc, request, tokenAnswer(await obtainToken(wholeData(request))));
    else {
      await record(request);
      await say({ type: "recorded", requestId: request.requestId, reason: request.data.reason });
    }
  });
  await say({ type: "created", sessionId });
  for await (const message of heard()) {
    if (message.type === "prompt") await session.request("send", { prompt: "Who am I?" });
    else {
      await registerInterest(session, "mcp.oauth_required");
      if (when === "start") continue;
      await serverStatus(session, "connected");
      await runTurn(session, "Are you there?");
      await say({ type: "connected" });
    }
  }
}
