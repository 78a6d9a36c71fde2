import { follow } from "latchkey/events";
import * as assert from "uvu/assert";
import { memoryPair, type Peer, type Sent, trapStrayRejections } from "../../support/pair.js";
import { suite } from "../../support/suite.js";

/** The event log as the runtime keeps it, small enough to place each event; real logs are in gaps.test.ts. */
interface Entry {
  readonly at: number;
  /** Invisible entries have a position and are never shown. */
  readonly name?: string;
  readonly persisted?: boolean;
}

/** Reads as the runtime does: persisted events behind the cursor's id wherever they stand, others behind its position. */
function read(log: readonly Entry[], { cursor, max }: { cursor?: string; max?: number }) {
  const [id = "", digits = "0"] = (cursor ?? "|0").split("|");
  const from = Number(digits);
  const known = log.find(({ name }) => name === id)?.at ?? 0;
  let last = id;
  let position = from;
  const events: object[] = [];
  for (const { at, name, persisted } of log) {
    if (cursor !== undefined && !(persisted ? at > known : at > from)) continue;
    if (events.length === (max ?? 1000)) break;
    if (name === undefined) {
      position = Math.max(position, at);
      continue;
    }
    events.push({ id: name, type: "session.info", ephemeral: !persisted, data: {} });
    if (persisted) last = name;
    position = Math.max(position, at);
  }
  return { events, cursor: `${last}|${position}`, cursorStatus: "ok", hasMore: false };
}

/** Answers `eventLog` calls from the log that `current` gives. */
async function serve(peer: Peer, current: () => readonly Entry[]): Promise<void> {
  const tail = async (): Promise<void> => {
    for (;;) {
      const request = await peer.next("session.eventLog.tail");
      peer.answer(request, { cursor: `x|${current().at(-1)?.at ?? 0}` });
    }
  };
  void tail();
  for (;;) {
    const request: Sent = await peer.next("session.eventLog.read");
    peer.answer(request, read(current(), request.params ?? {}));
  }
}

const names = (from: number, to: number, prefix: string): Entry[] =>
  Array.from({ length: to - from + 1 }, (_, n) => ({ at: from + n, name: `${prefix}${from + n}` }));

const test = suite("A reload of the session as the event log shows it", { timeoutMs: 5_000 });
trapStrayRejections(test);

test("a page that moves by just as many positions as it has events is looked at once more", async () => {
  const { rpc, peer } = await memoryPair();
  const fresh: Entry[] = [
    { at: 6, name: "X", persisted: true },
    { at: 7, name: "Y", persisted: true },
    ...names(8, 10, "e"),
    { at: 11 },
    { at: 12, name: "e12" },
  ];
  void serve(peer, () => fresh);
  const seen: string[] = [];
  const gaps: unknown[] = [];
  for await (const { event, gap } of follow(rpc.session("s"), { cursor: "X|10", waitMs: 0 })) {
    seen.push(event.id);
    if (gap) gaps.push(gap);
    if (event.id === "e12") break;
  }
  assert.equal(seen, ["Y", "e8", "e9", "e10", "e12"]);
  assert.equal(gaps, [{ reason: "reloaded" }]);
  await rpc.close();
});

test("between two polls: more events than positions", async () => {
  const { rpc, peer } = await memoryPair();
  const old: Entry[] = [{ at: 1, name: "X", persisted: true }, ...names(2, 10, "old")];
  const fresh: Entry[] = [
    { at: 1, name: "X", persisted: true },
    { at: 2, name: "Y", persisted: true },
    ...names(3, 11, "new"),
  ];
  let log = old;
  void serve(peer, () => log);
  const seen: string[] = [];
  const gaps: unknown[] = [];
  for await (const { event, gap } of follow(rpc.session("s"), { waitMs: 0 })) {
    seen.push(event.id);
    if (gap) gaps.push(gap);
    if (event.id === "old10") log = fresh;
    if (event.id === "new11") break;
  }
  assert.equal(seen, [...old.map(({ name }) => name), "Y", ...names(3, 11, "new").map(({ name }) => name)]);
  assert.equal(gaps, [{ reason: "reloaded" }]);
  await rpc.close();
});

test("an old cursor whose event is not in the log: all of it is shown, none of it passed over", async () => {
  const { rpc, peer } = await memoryPair();
  const fresh: Entry[] = [{ at: 1, name: "X", persisted: true }, ...names(2, 3, "new")];
  void serve(peer, () => fresh);
  const seen: string[] = [];
  const gaps: unknown[] = [];
  for await (const { event, gap } of follow(rpc.session("s"), { cursor: "lost|40", waitMs: 0 })) {
    seen.push(event.id);
    if (gap) gaps.push(gap);
    if (event.id === "new3") break;
  }
  assert.equal(seen, ["X", "new2", "new3"]);
  assert.equal(gaps, [{ reason: "reloaded" }]);
  await rpc.close();
});
