/**
 * Owns a session that is brought to ask one question, writes it down, and answers nothing.
 * What it says: `created`, `recorded` (the request as JSON), `returned` or `failed` (what the call that asked came to).
 * What it hears: `go`.
 */
import { registerInterest } from "latchkey/events";
import { pendingRequest } from "latchkey/pending";
import { connect } from "latchkey/rpc";
import * as v from "valibot";
import { isProvocation, type ProvocationName, provocations, provokedParams } from "../support/kinds/provocations.js";
import { given, heard, say } from "../support/world/program.js";

const { endpoint, token, places, name, resumes } = given(
  v.object({
    endpoint: v.string(),
    token: v.string(),
    places: v.object({ modelUrl: v.string(), mcpUrl: v.string() }),
    name: v.custom<ProvocationName>(isProvocation),
    /** A session on disk, instead of a new one. */
    resumes: v.optional(v.string()),
  }),
);
const row = provocations[name];

const rpc = await connect(endpoint, { token });
const params = provokedParams(name, places);
const { sessionId } =
  resumes === undefined
    ? await rpc.request("session.create", params)
    : await rpc.request("session.resume", { ...params, sessionId: resumes });
const session = rpc.session(sessionId);
let asked = false;
session.events.on("*", (event) => {
  if (event.type !== row.kind) return;
  asked = true;
  void say({ type: "recorded", json: JSON.stringify(pendingRequest(event, { sessionId, endpoint })) });
});

/** A session may have started its servers before there was interest in their headers; then they are started again. */
async function begin(): Promise<unknown> {
  if (resumes !== undefined) return await session.request("mcp.reload");
  const result = await row.start(session);
  return asked || row.kind !== "mcp.headers_refresh_required" ? result : await session.request("mcp.reload");
}

await say({ type: "created", sessionId });
for await (const _ of heard()) {
  for (const type of row.interest) await registerInterest(session, type);
  begin().then(
    (result) => say({ type: "returned", result }),
    (error) => say({ type: "failed", message: String(error) }),
  );
}
