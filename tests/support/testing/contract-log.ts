/** What a runtime's event log says, and to whom. */
import * as assert from "uvu/assert";
import { create, gone, outcome, type Register, turn } from "./contract.js";
import type { Data, Wire, WireEvent } from "./wire.js";

interface Page {
  readonly events: WireEvent[];
  readonly cursor: string;
  readonly hasMore: boolean;
  readonly cursorStatus: string;
}

const read = async (wire: Wire, params: object): Promise<Page> =>
  (await wire.ok("session.eventLog.read", params)) as unknown as Page;
const log = (wire: Wire, of: object, message: string, ephemeral = true) =>
  wire.ok("session.log", { ...of, message, ephemeral });
const messages = ({ events }: Page): unknown[] =>
  events.flatMap(({ type, data }) => (type === "session.info" ? [data.message] : []));
const position = ({ cursor }: { cursor?: unknown }): number => Number(String(cursor).split("|")[1]);

export const logContract: Register = (test, subject) => {
  test("anybody reads it: what is not persisted too, by type, forward and backward", async () => {
    await using owner = await subject().connect();
    await using outsider = await subject().connect();
    const of = await create(owner);
    await log(owner, of, "kept", false);
    await log(owner, of, "passing");
    const whole = await read(outsider, of);
    assert.equal(messages(whole), ["kept", "passing"]);
    assert.is(whole.cursorStatus, "ok");
    assert.is(whole.events.find(({ type }) => type === "session.start")?.ephemeral, undefined);
    assert.equal(messages(await read(outsider, { ...of, includeEphemeral: false })), ["kept"]);
    const types = await read(outsider, { ...of, types: ["session.start"] });
    assert.equal(
      types.events.map(({ type }) => type),
      ["session.start"],
    );
    const backward = await read(outsider, { ...of, direction: "backward", max: 1, includeEphemeral: true });
    assert.equal(messages(backward), ["kept"]);
    assert.match(backward.cursor, /^b:/);
    const next = await read(outsider, { ...of, direction: "backward", cursor: backward.cursor });
    assert.ok(next.events.some(({ type }) => type === "session.start"));
  });

  test("a cursor goes on where it stood; one of no log is expired and begins anew; one behind the end is empty", async () => {
    await using wire = await subject().connect();
    const of = await create(wire);
    await log(wire, of, "one");
    const { cursor } = await wire.ok("session.eventLog.tail", of);
    assert.match(String(cursor), /^[0-9a-f-]{36}\|\d+$/);
    await log(wire, of, "two");
    await log(wire, of, "three", false);
    const since = await read(wire, { ...of, cursor });
    assert.equal(messages(since), ["two", "three"]);
    assert.is(position(since), position({ cursor }) + 2);
    for (const [strange, seen] of [
      ["garbage", ["one", "two", "three"]],
      ["00000000-0000-4000-8000-000000000000|0", ["one", "two", "three"]],
      ["00000000-0000-4000-8000-000000000000|999", ["three"]],
    ]) {
      const page = await read(wire, { ...of, cursor: strange });
      assert.is(page.cursorStatus, "expired");
      assert.equal(messages(page), seen);
    }
    const beyond = await read(wire, { ...of, cursor: since.cursor.replace(/\d+$/, "999") });
    assert.equal([beyond.cursorStatus, beyond.events], ["ok", []]);
  });

  test("a page has 200 events when nothing is said, 1000 at most, and wrong values are taken", async () => {
    await using wire = await subject().connect();
    const of = await create(wire);
    await flood(wire, of, 1100);
    const sizes: Data = { none: undefined, max: 5000, zero: 0, text: "x" };
    const read200 = await read(wire, of);
    assert.equal([read200.events.length, read200.hasMore], [200, true]);
    assert.is((await read(wire, { ...of, max: sizes.max })).events.length, 1000);
    for (const max of [sizes.zero, sizes.text]) assert.ok((await read(wire, { ...of, max })).events.length > 0);
    await read(wire, { ...of, waitMs: "x" });
  });

  test("overrun: the oldest are gone in silence, and a cursor that points there is ok", async () => {
    await using wire = await subject().connect();
    const of = await create(wire);
    const { cursor } = await wire.ok("session.eventLog.tail", of);
    await flood(wire, of, 5000);
    const page = await read(wire, { ...of, cursor, max: 1000 });
    assert.is(page.cursorStatus, "ok");
    const skipped = position(page) - position({ cursor }) - page.events.length;
    assert.ok(skipped >= 900 && skipped <= 2100, `${skipped} skipped`);
  });

  test("a long poll ends with the next event; one of another type ends it on 1.0.85, not on 1.0.102", async () => {
    await using wire = await subject().connect();
    await using poller = await subject().connect();
    const of = await create(wire);
    const { cursor } = await wire.ok("session.eventLog.tail", of);
    const woken = read(poller, { ...of, cursor, waitMs: 20_000 });
    assert.is(await outcome(subject(), woken), "blocked");
    await log(wire, of, "wake up");
    assert.equal(messages(await woken), ["wake up"]);

    const tail = await wire.ok("session.eventLog.tail", of);
    const filtered = read(poller, { ...of, cursor: tail.cursor, waitMs: 20_000, types: ["session.idle"] });
    assert.is(await outcome(subject(), filtered), "blocked");
    await log(wire, of, "not for you");
    const early = await outcome(subject(), filtered);
    if (subject().older) {
      const { events, cursor: moved } = early as Page;
      assert.equal([events, position({ cursor: moved })], [[], position(tail) + 1]);
    } else assert.is(early, "blocked");
    await wire.ok("sessions.close", of);
    await filtered.catch(() => undefined);
  });

  test("each load counts positions anew, and a cursor of an earlier one finds what was persisted since", async () => {
    await using wire = await subject().connect();
    await using scenario = await subject().scenario("userInput");
    const of = await create(wire, scenario);
    await turn(wire, of);
    for (let n = 0; n < 40; n += 1) await log(wire, of, `old ${n}`);
    const old = await wire.ok("session.eventLog.tail", of);
    await wire.ok("session.destroy", of);
    await gone(wire, of);
    await wire.ok("session.resume", { ...scenario.params, ...of });
    await log(wire, of, "new");
    const tail = await wire.ok("session.eventLog.tail", of);
    assert.ok(position(tail) < position(old), "the log has begun anew");
    const since = await read(wire, { ...of, cursor: old.cursor });
    assert.is(since.cursorStatus, "ok");
    const types = since.events.map(({ type }) => type);
    assert.ok(types.includes("session.shutdown") && types.includes("session.resume"), types.join());
    assert.equal(messages(since), [], "a position of the old log hides what is not persisted");
    const whole = await read(wire, { ...of, max: 1000 });
    assert.equal(messages(whole), ["new"], "what was not persisted is gone with its load");
    assert.ok(whole.events.some(({ type }) => type === "user.message"));
  });
};

async function flood(wire: Wire, of: object, count: number): Promise<void> {
  for (let at = 0; at < count; at += 250)
    await Promise.all(Array.from({ length: Math.min(250, count - at) }, (_, n) => log(wire, of, `m${at + n}`)));
}
