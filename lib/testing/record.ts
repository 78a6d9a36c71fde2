/**
 * A recording of a connection: one line of JSON for each call, reply, event and other notification, in the order in which they went
 * over the wire. Secrets are taken out before a line is made.
 */

import { isRecord } from "../base/record.js";
import { redactText } from "../base/redact.js";
import type { Rpc } from "../rpc/index.js";

/** One line of a recording: its head, a call, a reply, or a notification, events among them. */
export type Recorded =
  | { readonly v: 1; readonly hello: { readonly protocolVersion: number; readonly version: string } }
  | { readonly call: number; readonly method: string; readonly params: unknown }
  | { readonly reply: number; readonly result: unknown }
  | { readonly reply: number; readonly error: { readonly code: number; readonly message: string } }
  | { readonly notification: string; readonly params: unknown };

/** A recording that goes on. */
export interface Recording {
  /** JSON lines, without their line ends. */
  readonly lines: readonly string[];
  /** Records no more. */
  stop(): void;
}

/**
 * Records what goes through a connection from now on: calls of `rpc` and of its sessions, their replies, and what the runtime says.
 * @example
 * ```ts
 * import { writeFile } from "node:fs/promises";
 * import { connect } from "latchkey/rpc";
 * import { record } from "latchkey/testing";
 *
 * await using rpc = await connect("tcp://127.0.0.1:41234");
 * const recording = record(rpc);
 * await rpc.request("session.list", {});
 * await writeFile("session.jsonl", recording.lines.join("\n"));
 * ```
 */
export function record(rpc: Rpc): Recording {
  const lines: string[] = [];
  let calls = 0;
  let isOn = true;
  const write = (line: Recorded): void => {
    if (isOn) lines.push(JSON.stringify(withoutSecrets(line)));
  };
  write({ v: 1, hello: rpc.hello });

  /** Notes the call before it is made: in memory a peer answers at once. */
  function noted(method: string, params: unknown, make: () => Promise<unknown>): Promise<unknown> {
    calls += 1;
    const call = calls;
    write({ call, method, params });
    const answered = make();
    answered.then(
      (result) => write({ reply: call, result }),
      (error: unknown) => write({ reply: call, error: faultOf(error, method) }),
    );
    return answered;
  }

  const { request } = rpc;
  const session = rpc.session.bind(rpc);
  const known = new WeakSet<object>();
  Object.assign(rpc, {
    request: (...args: unknown[]) => noted(String(args[0]), args[1] ?? {}, () => Reflect.apply(request, rpc, args)),
    session(id: string) {
      const found = session(id);
      if (known.has(found)) return found;
      known.add(found);
      const ask = found.request;
      return Object.assign(found, {
        request(...args: unknown[]) {
          const params = { ...(isRecord(args[1]) ? args[1] : {}), sessionId: id };
          return noted(`session.${String(args[0])}`, params, () => Reflect.apply(ask, found, args));
        },
      });
    },
  });
  const offs = [
    rpc.events.on("*", (params) => write({ notification: "session.event", params })),
    rpc.events.on("session.lifecycle", ({ event }) => write({ notification: "session.lifecycle", params: event })),
    rpc.events.on("notification", ({ method, params }) => write({ notification: method, params })),
  ];
  return {
    lines,
    stop() {
      isOn = false;
      for (const off of offs) off();
    },
  };
}

function faultOf(error: unknown, method: string): { code: number; message: string } {
  const code = isRecord(error) && typeof error.rpcCode === "number" ? error.rpcCode : -32603;
  const message = error instanceof Error ? error.message : "failed";
  return { code, message: message.replace(`${method}: `, "") };
}

const secretName = /token$|secret|password|passphrase|api[_-]?key|private[_-]?key|credential|authorization|cookie/i;
const hidden = "…";

/** Values under a secret's name, of headers, and of the raw challenge are hidden whole; in other text what looks like a secret. */
export function withoutSecrets(value: unknown, name = "", isHidden = false): unknown {
  const hides = isHidden || secretName.test(name) || name === "httpResponse" || name === "headers";
  if (typeof value === "string") return hides ? hidden : redactText(value);
  if (Array.isArray(value)) return value.map((item) => withoutSecrets(item, name, hides));
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withoutSecrets(inner, key, hides)]));
}
