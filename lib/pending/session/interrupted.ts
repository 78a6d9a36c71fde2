/** Tool calls that were not finished: those that the runtime closes when it loads a session, and those that it closed when it unloaded it. */
import type { Events } from "../../events/index.js";
import { readLog } from "../../events/internal.js";
import type { EventMap, RequestOptions, SessionRequester } from "../../protocol/index.js";

/** A call that is completed with the resume, without having been started again by it, was closed as interrupted. */
export function watchInterrupted(session: { readonly events: Events<EventMap> }): { closed(): string[]; off(): void } {
  const started = new Set<string>();
  const closed = new Set<string>();
  const offs = [
    session.events.on("tool.execution_start", ({ data }) => started.add(data.toolCallId)),
    session.events.on("tool.execution_complete", ({ data }) => {
      if (!data.success && data.interactionId === "resume" && !started.has(data.toolCallId))
        closed.add(data.toolCallId);
    }),
  ];
  return {
    closed: () => [...closed],
    off: () => {
      for (const off of offs) off();
    },
  };
}

/** When the last connection drops, a call that waits fails after the `session.shutdown` and before the `session.resume` of the next load. */
export async function closedByUnloading(session: SessionRequester, options: RequestOptions = {}): Promise<string[]> {
  let failed: string[] | undefined;
  let found: string[] = [];
  const see = (event: EventMap[keyof EventMap]): void => {
    if (event.type === "session.shutdown") failed = [];
    else if (event.type === "tool.execution_complete" && !event.data.success) failed?.push(event.data.toolCallId);
    else if (event.type === "session.resume") {
      found = failed ?? [];
      failed = undefined;
    }
  };
  await readLog(session, see, options);
  return found;
}
