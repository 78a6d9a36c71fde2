import { subscribe, type TraceMessage, type TraceName } from "latchkey/tracing";

export const traceNames = ["request", "record", "claim", "answer", "deliver", "oauth"] as const satisfies TraceName[];
const events = ["start", "end", "error", "asyncStart", "asyncEnd"] as const;

/** What was heard: `record start`, and the message as it was then. */
export interface Heard {
  readonly name: TraceName;
  readonly event: (typeof events)[number];
  readonly message: TraceMessage<TraceName>;
  /** A copy of that moment: the message itself goes on. */
  readonly at: TraceMessage<TraceName>;
}

/** Listens to all channels, or to these, until it is disposed of. */
export function listenTo(names: readonly TraceName[] = traceNames): { heard: Heard[] } & Disposable {
  const heard: Heard[] = [];
  const offs = names.map((name) =>
    subscribe(
      name,
      Object.fromEntries(
        events.map((event) => [
          event,
          (message: TraceMessage<TraceName>) => heard.push({ name, event, message, at: structuredClone(message) }),
        ]),
      ),
    ),
  );
  return {
    heard,
    [Symbol.dispose]() {
      for (const off of offs) off();
    },
  };
}

/** The last messages of a channel, one for each call that has ended. */
export const ended = <N extends TraceName>({ heard }: { heard: readonly Heard[] }, name: N): TraceMessage<N>[] =>
  heard.filter((one) => one.name === name && one.event === "asyncEnd").map(({ at }) => at as TraceMessage<N>);
