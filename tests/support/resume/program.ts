/** What the programs of the resume scenarios share: where things are, and how they tell what happens. */
import type { Deliverer, Recorder } from "latchkey/keeper";
import * as v from "valibot";
import { say } from "../world/program.js";
import { publicClient, sessionParams } from "../world.js";

export const programOptions = {
  endpoint: v.string(),
  token: v.string(),
  ledger: v.string(),
  key: v.optional(v.string()),
};

export const principal = "ada";

export const keyOf = ({ key }: { key?: string | undefined }) => (key === undefined ? {} : { key });

/** The host's own session params: the protected server, a scripted model, and a tool of its own. */
export function hostParams(places: { modelUrl: string; mcpUrl: string }) {
  const ticket = { name: "ticket", description: "Makes a ticket.", parameters: { type: "object", properties: {} } };
  return { ...sessionParams(places), tools: [{ ...ticket, skipPermission: true }] };
}

export const clientId = publicClient.id;

export function tell(recorder: Recorder, deliverer: Deliverer | undefined): void {
  recorder.events.on("recorded", ({ id, kind, requestId, state, data }) =>
    say({ type: "recorded", id, kind, requestId, state, reason: "reason" in data ? data.reason : undefined }),
  );
  recorder.events.on("error", ({ error }) => say({ type: "trouble", by: "recorder", error: String(error) }));
  deliverer?.events.on("settled", ({ id, outcome }) => say({ type: "settled", id, outcome }));
  deliverer?.events.on("error", ({ error }) => say({ type: "trouble", by: "deliverer", error: String(error) }));
}
