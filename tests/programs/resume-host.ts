/**
 * Owns a session: makes it or loads it again, and writes down what it is asked. It answers nothing itself.
 * What it says: `ready` (what `attend` or `resume` found), `refused` (with its code), `recorded`, `settled`, `connected`, `idle`, `gone`.
 * What it hears: `go`, `prompt` (with `again` when an earlier one came to nothing, with `abort` when its turn stands still).
 */
import { LatchkeyError } from "latchkey";
import { deliverAnswers, recordPending } from "latchkey/keeper";
import { openLedger } from "latchkey/ledger";
import { attend, handlePendingRequest, type KindName, kinds, resume } from "latchkey/pending";
import { connect } from "latchkey/rpc";
import * as v from "valibot";
import { hostParams, keyOf, principal, programOptions, tell } from "../support/resume/program.js";
import { given, heard, say } from "../support/world/program.js";

const work = given(
  v.object({
    ...programOptions,
    places: v.object({ modelUrl: v.string(), mcpUrl: v.string() }),
    sessionId: v.string(),
    mode: v.picklist(["create", "resume"]),
    /** Approves permissions itself, at once, and leaves them out of the ledger. */
    approve: v.optional(v.boolean(), true),
    deliver: v.optional(v.boolean(), true),
  }),
);
const { sessionId } = work;

const ledger = await openLedger(work.ledger, keyOf(work));
const rpc = await connect(work.endpoint, { token: work.token });
void rpc.closed.then(async () => {
  await say({ type: "gone" });
  process.exit(0);
});
const session = rpc.session(sessionId);
const all = Object.values(kinds).map((row): KindName => row.event);
const recorded = all.filter((kind) => !(work.approve && kind === "permission.requested"));
const recorder = recordPending(rpc, ledger, { principal, by: "host", kinds: recorded });
const deliverer = work.deliver ? deliverAnswers(rpc, ledger, { owner: "host", leaseMs: 2000 }) : undefined;
tell(recorder, deliverer);
if (work.approve) {
  session.events.on("permission.requested", ({ data: { requestId } }) =>
    handlePendingRequest(rpc, { kind: "permission.requested", sessionId, requestId }, { kind: "approve-once" }),
  );
}
session.events.on("session.mcp_server_status_changed", ({ data }) => {
  if (data.status === "connected") void say({ type: "connected" });
});
session.events.on("session.idle", () => say({ type: "idle" }));

const orders = heard();
const params = { ...hostParams(work.places), sessionId };
try {
  if (work.mode === "create") {
    await rpc.request("session.create", params);
    await say({ type: "created" });
    // The keeper has said that it holds the session.
    await orders.next();
    const { askedAgain } = await attend(session);
    await say({ type: "ready", askedAgain });
  } else {
    const { session: _, waiting, ...found } = await resume(rpc, params, { ledger, principal });
    const asked = waiting.map(({ type, data }) => ({ kind: type, requestId: data.requestId }));
    await say({ type: "ready", ...found, waiting: asked });
  }
} catch (error) {
  if (!(error instanceof LatchkeyError)) throw error;
  await say({ type: "refused", code: error.code, message: error.message });
}
for await (const { type, prompt, again, abort } of orders) {
  if (type !== "prompt") continue;
  if (abort === true) await session.request("abort");
  if (again === true) await reconnect();
  await session.request("send", { prompt: String(prompt) });
}

/**
 * A server whose token was refused while it was starting has failed, and on 1.0.85 one whose token was refused when the first
 * turn listed its tools has none: the runtime asks nobody for either, it must be started again.
 */
async function reconnect(): Promise<void> {
  const { servers } = await session.request("mcp.list");
  for (const { name, status } of servers) {
    const listed =
      status === "connected" && (await session.request("mcp.listTools", { serverName: name }).catch(() => 0));
    if (status === "failed" || listed === 0) await session.request("mcp.reload").catch(() => undefined);
  }
  const { interests } = await attend(session);
  for (const interest of interests) await interest.release();
}
