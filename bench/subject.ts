/** One contestant in a process of its own. Does what its parent asks, one task after the other. */

import type { Client, Event } from "./clients/client.js";
import { open } from "./clients/index.js";
import { median, quantile } from "./numbers.js";
import type { Counted, Order, Report, SubjectSettings, TaskName, Tasks } from "./tasks.js";

const { contestant }: SubjectSettings = JSON.parse(process.argv[2] ?? "");
let client: Client | undefined;
let sessionIds: string[] = [];
let expected: Promise<Counted> | undefined;
let onEvent: (event: Event, sessionId: string) => void = () => undefined;

const connected = (): Client => {
  if (!client) throw new Error("not connected");
  return client;
};
const now = (): number => Number(process.hrtime.bigint()) / 1e6;
const cpuMs = (since: NodeJS.CpuUsage): number => {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1000;
};

const perform: { [T in TaskName]: (asks: Tasks[T]["asks"]) => Promise<Tasks[T]["tells"]> } = {
  async connect({ place, nudge }) {
    client = await open[contestant](place, nudge === undefined ? {} : { nudge });
    return null;
  },

  async open({ openings }) {
    for (const opening of openings) {
      let id = opening.sessionId ?? "";
      id = await connected().open(opening, (event) => onEvent(event, id));
      sessionIds = [...sessionIds.slice(-99), id];
    }
    return { sessionIds };
  },

  async calls({ call, count, inFlight, bytes }) {
    const { ping, log } = connected();
    const text = "x".repeat(bytes);
    const [sessionId = ""] = sessionIds;
    const once = call === "ping" ? () => ping(text) : () => log(sessionId, text);
    const times: number[] = [];
    const cpu = process.cpuUsage();
    for (let made = 0; made < count; made += inFlight) {
      const began = now();
      if (inFlight === 1) await once();
      else await Promise.all(Array.from({ length: inFlight }, once));
      times.push((now() - began) / inFlight);
    }
    return { each: median(times), cpuEach: cpuMs(cpu) / (times.length * inFlight) };
  },

  async approvals({ count, ofHost }) {
    const { approve, answerTool, send } = connected();
    const [sessionId = ""] = sessionIds;
    const times: number[] = [];
    const lags: number[] = [];
    onEvent = ({ timestamp = "" }) => lags.push(Date.now() - Date.parse(timestamp));
    for (let made = 0; made < count; made++) {
      const requested = next((event) => event.type === "permission.requested");
      await send(sessionId, "Write it down");
      const requestId = requestIdOf(await requested);
      const idle = next((event) => event.type === "session.idle");
      const called = ofHost ? next((event) => event.type === "external_tool.requested") : undefined;
      const began = now();
      await approve(sessionId, requestId);
      times.push(now() - began);
      if (called && answerTool) await answerTool(sessionId, requestIdOf(await called));
      await idle;
    }
    return { each: median(times), lag: quantile(lags, 0.9) };
  },

  async expect({ events, busyMicros }) {
    expected = new Promise((resolve) => {
      const delays: number[] = [];
      let seen = 0;
      let began = 0;
      let cpu = process.cpuUsage();
      onEvent = ({ data }) => {
        if (seen === 0) {
          began = now();
          cpu = process.cpuUsage();
        }
        seen++;
        if (typeof data === "object" && data !== null && "at" in data) delays.push(now() - Number(data.at));
        if (busyMicros > 0) for (const until = now() + busyMicros / 1000; now() < until; );
        if (seen < events) return;
        resolve({ events: seen, wallMs: now() - began, cpuMs: cpuMs(cpu), peakRss: peakRss(), delays });
      };
    });
    return null;
  },

  counted: () => expected ?? Promise.reject(new Error("nothing is expected")),

  async memory() {
    for (let turn = 0; turn < 3; turn++) {
      globalThis.gc?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
    return { heap: process.memoryUsage().heapUsed, rss: process.memoryUsage.rss(), peakRss: peakRss() };
  },

  async close() {
    await client?.close();
    return null;
  },
};

function next(where: (event: Event) => boolean): Promise<Event> {
  return new Promise((resolve) => {
    const outer = onEvent;
    onEvent = (event, sessionId) => {
      outer(event, sessionId);
      if (!where(event)) return;
      onEvent = outer;
      resolve(event);
    };
  });
}

function requestIdOf({ data }: Event): string {
  if (typeof data === "object" && data !== null && "requestId" in data) return String(data.requestId);
  throw new Error("an event without a requestId");
}

const peakRss = (): number => process.resourceUsage().maxRSS * 1024;
const tell = (report: Report): void => void process.send?.(report);

function run<T extends TaskName>(task: T, asks: Tasks[T]["asks"]): void {
  perform[task](asks).then(
    (told) => tell({ told }),
    (error: unknown) => tell({ failed: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  );
}

process.on("message", (order: Order) => run(order.task, order.asks));
process.on("disconnect", () => process.exit());
tell({ ready: true });
