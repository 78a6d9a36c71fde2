/**
 * Whether an attach to a loaded session would wedge it. The runtime lists no outstanding calls, and an attach that waits behind one
 * cannot be taken back; but a call that blocks has mostly asked something first, and the event log shows that without waiting.
 *
 * Whether an open question sits in a call, and not in a turn, is said by `blocks` in the row of its kind. A call that has asked nothing yet
 * cannot be told.
 */

import { LatchkeyError } from "../../base/errors.js";
import { visible } from "../../base/visible.js";
import { readLog } from "../../events/internal.js";
import type { RequestOptions, SessionEvent, SessionRequester } from "../../protocol/index.js";
import { rowOf } from "../kinds/table.js";
import { type AskingEvent, createAsked } from "./asked.js";

/** Takes events in order; `open` are the questions that a call of some client waits for, as far as they tell. */
export function createBlocking(): { see(event: SessionEvent): void; open(): AskingEvent[] } {
  const asked = createAsked();
  const tools = new Set<string>();
  let turn = false;
  return {
    see(event) {
      asked.see(event);
      if (event.type === "user.message") turn = true;
      else if (event.type === "session.idle") turn = false;
      else if (event.type === "tool.execution_start") tools.add(event.data.toolCallId);
      else if (event.type === "tool.execution_complete") tools.delete(event.data.toolCallId);
    },
    open: () =>
      asked.open().filter(({ type, data }) => {
        const { blocks } = rowOf(type);
        return typeof blocks === "function" ? blocks({ ...data }, { turn, toolCall: tools.size > 0 }) : blocks;
      }),
  };
}

/**
 * The open questions that a call of some client waits for, as far as the log tells.
 * @throws RpcError `SESSION_NOT_FOUND` when the session is not loaded; ConnectionError when the connection ends first
 */
export async function findBlocking(session: SessionRequester, options: RequestOptions = {}): Promise<AskingEvent[]> {
  const blocking = createBlocking();
  await readLog(session, blocking.see, options);
  return blocking.open();
}

/** @throws LatchkeyError `BUSY` when there are any. Its `cause` lists them. */
export function refuse(blocking: readonly AskingEvent[]): void {
  if (blocking.length === 0) return;
  const named = blocking.map(({ type, data }) => `${type} ${visible(data.requestId, 100)}`);
  throw new LatchkeyError("BUSY", `a call on the session waits for ${named.join(", ")}: an attach would wedge it`, {
    requests: blocking.map(({ type, data }) => ({ kind: type, requestId: data.requestId })),
  });
}
