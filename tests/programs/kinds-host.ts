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
session.events.on("*", (event) => {
  if (event.type === row.kind)
    void say({ type: "recorded", json: JSON.stringify(pendingRequest(event, { sessionId, endpoint })) });
});
await say({ type: "created", sessionId });
for await (const _ of heard()) {
  for (const type of row.interest) await registerInterest(session, type);
  // A session that was loaded may have started its servers before there was interest; then they are started again.
  const started = resumes === undefined ? row.start(session) : session.request("mcp.reload");
  started.then(
    (result) => say({ type: "returned", result }),
    (error) => say({ type: "failed", message: String(error) }),
  );
}
