import { ConnectionError } from "latchkey";
import type { Rpc } from "latchkey/rpc";
import * as assert from "uvu/assert";
import type { Peer } from "./pair.js";
import { rejects, within } from "./suite.js";

/** Two requests that are out, both of which must reject with `code`, and so must one made afterwards. */
export async function allReject(rpc: Rpc, peer: Peer, code: string, cause: () => unknown): Promise<ConnectionError> {
  const before = [rpc.request("ping"), rpc.session("s").request("log", { message: "m" }, { timeoutMs: 60_000 })];
  const settled = Promise.allSettled(before);
  await peer.next("ping");
  await peer.next("session.log");
  await cause();
  await within(2_000, settled, "the end of the requests");
  const errors: ConnectionError[] = [];
  for (const request of [...before, rpc.request("ping"), rpc.session("s").request("log", { message: "late" })])
    errors.push(await rejects(request, { type: ConnectionError, code }));
  const [first] = errors;
  assert.ok(first);
  const reason = await within(1_000, rpc.closed, "closed");
  assert.is(reason.code, code);
  assert.is(reason.message, first.message);
  assert.is(await rpc.closed, reason, "closed resolves once");
  return first;
}
