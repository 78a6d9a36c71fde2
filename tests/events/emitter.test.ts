import { createEvents, registerInterest } from "latchkey/events";
import * as assert from "uvu/assert";
import { memoryPair, trapStrayRejections, turn } from "../support/pair.js";
import { rejects, suite } from "../support/suite.js";

type Map = { tick: { n: number }; tock: { text: string } };

const test = suite("Events", { timeoutMs: 5_000 });
trapStrayRejections(test);

const over = new Error("it is over");

test("on: by type and by *, in order, those of the type first, without a promise in between", () => {
  const events = createEvents<Map>();
  const seen: string[] = [];
  events.on("*", () => seen.push("*1"));
  events.on("tick", ({ n }) => seen.push(`a${n}`));
  events.on("tick", ({ n }) => seen.push(`b${n}`));
  events.on("*", () => seen.push("*2"));
  events.on("tock", ({ text }) => seen.push(text));
  events.emit("tick", { n: 1 });
  events.emit("tock", { text: "t" });
  events.emit("tick", { n: 2 }, { every: false });
  assert.equal(seen, ["a1", "b1", "*1", "*2", "t", "*1", "*2", "a2", "b2"]);
});

test("Off: called, by `using`, twice", () => {
  const events = createEvents<Map>();
  let count = 0;
  const off = events.on("tick", () => {
    count += 1;
  });
  events.emit("tick", { n: 1 });
  off();
  off();
  events.emit("tick", { n: 2 });
  {
    using _listening = events.on("*", () => {
      count += 10;
    });
    events.emit("tick", { n: 3 });
  }
  events.emit("tick", { n: 4 });
  assert.is(count, 11);
});

test("the same handler twice is two subscriptions, each with an Off of its own", () => {
  const events = createEvents<Map>();
  let count = 0;
  const handler = (): void => {
    count += 1;
  };
  const first = events.on("tick", handler);
  events.on("tick", handler);
  first();
  first();
  events.emit("tick", { n: 1 });
  assert.is(count, 1);
});

test("once: one event, Off before it, and a handler that emits again", () => {
  const events = createEvents<Map>();
  const seen: number[] = [];
  events.once("tick", ({ n }) => {
    seen.push(n);
    events.emit("tick", { n: n + 1 });
  });
  const off = events.once("tick", () => seen.push(100));
  off();
  events.emit("tick", { n: 1 });
  events.emit("tick", { n: 5 });
  assert.equal(seen, [1]);
});

test("taken away or added while an event is delivered", () => {
  const events = createEvents<Map>();
  const seen: string[] = [];
  events.on("tick", () => {
    seen.push("first");
    second();
    events.on("tick", () => seen.push("added"));
  });
  const second = events.on("tick", () => seen.push("second"));
  events.on("tick", () => seen.push("third"));
  events.emit("tick", { n: 1 });
  assert.equal(seen, ["first", "third"]);
});

test("a listener that throws or rejects disturbs nobody and is reported", async () => {
  const events = createEvents<Map>();
  const reports: unknown[] = [];
  const seen: string[] = [];
  const failure = new Error("mine");
  events.on("listener:error", (report) => reports.push(report));
  events.on("tick", () => {
    throw failure;
  });
  events.on("tick", async () => {
    await turn();
    throw failure;
  });
  events.on("*", () => Promise.reject("no error at all"));
  events.on("tick", () => seen.push("tick"));
  events.on("*", () => seen.push("*"));
  events.emit("tick", { n: 1 });
  assert.equal(seen, ["tick", "*"]);
  await turn();
  await turn();
  assert.equal(reports, [
    { error: failure, type: "tick" },
    { error: "no error at all", type: "*" },
    { error: failure, type: "tick" },
  ]);
  assert.is(seen.length, 2, "a report is no event of *");
});

test("a failing once is reported too; without anybody listening, and from the report itself, nothing happens", async () => {
  const events = createEvents<Map>();
  events.on("tick", () => {
    throw over;
  });
  events.emit("tick", { n: 1 });
  const reports: unknown[] = [];
  events.on("listener:error", ({ error }) => {
    reports.push(error);
    throw new Error("from the report");
  });
  events.on("listener:error", () => Promise.reject(new Error("from the report, later")));
  events.once("tock", () => Promise.reject(over));
  events.emit("tock", { text: "" });
  await turn();
  assert.equal(reports, [over]);
});

test("wait: the next one, the next that `where` accepts, and nothing stays behind", async () => {
  const events = createEvents<Map>();
  const next = events.wait("tick");
  const third = events.wait("tick", { where: ({ n }) => n === 3 });
  const any = events.wait("*", { where: (event) => "text" in event });
  let asked = 0;
  const gone = events.wait("tick", {
    where: () => {
      asked += 1;
      return true;
    },
  });
  for (const n of [1, 2, 3, 4]) events.emit("tick", { n });
  events.emit("tock", { text: "t" });
  assert.equal(await next, { n: 1 });
  assert.equal(await third, { n: 3 });
  assert.equal(await any, { text: "t" });
  await gone;
  assert.is(asked, 1);
});

test("wait: a `where` that throws rejects it and nobody else", async () => {
  const events = createEvents<Map>();
  const reports: unknown[] = [];
  events.on("listener:error", (report) => reports.push(report));
  const failed = rejects(
    events.wait("tick", {
      where: () => {
        throw over;
      },
    }),
    { message: /it is over/ },
  );
  const fine = events.wait("tick");
  events.emit("tick", { n: 1 });
  await failed;
  assert.equal(await fine, { n: 1 });
  assert.equal(reports, []);
});

test("wait: signal, time, end", async () => {
  const events = createEvents<Map>();
  const reason = { not: "an error" };
  const abort = new AbortController();
  const aborted = events.wait("tick", { signal: abort.signal, timeoutMs: 60_000 }).catch((error: unknown) => error);
  abort.abort(reason);
  assert.is(await aborted, reason);
  assert.is(await events.wait("tick", { signal: abort.signal }).catch((error: unknown) => error), reason);
  await rejects(events.wait("tick", { timeoutMs: 5 }), { name: "TimeoutError" });
  const waiting = [events.wait("tick"), events.wait("*")].map((wait) => rejects(wait, { message: /it is over/ }));
  events.end(over, { quietly: true });
  await Promise.all(waiting);
  await rejects(events.wait("tick"), { message: /it is over/ });
});

test("stream: from the call on, at the reader's pace, in order", async () => {
  const events = createEvents<Map>();
  events.emit("tick", { n: 0 });
  const stream = events.stream("tick");
  events.emit("tick", { n: 1 });
  events.emit("tock", { text: "" });
  events.emit("tick", { n: 2 });
  assert.equal(await stream.next(), { done: false, value: { n: 1 } });
  assert.equal(await stream.next(), { done: false, value: { n: 2 } });
  const [third, fourth] = [stream.next(), stream.next()];
  events.emit("tick", { n: 3 });
  events.emit("tick", { n: 4 });
  assert.equal([(await third).value, (await fourth).value], [{ n: 3 }, { n: 4 }]);
  assert.equal(await stream.return?.(), { done: true, value: undefined });
  events.emit("tick", { n: 5 });
  assert.ok((await stream.next()).done);
});

test("stream: leaving the loop lets go, also by an error in it", async () => {
  const events = createEvents<Map>();
  const stream = events.stream("*");
  events.emit("tick", { n: 1 });
  events.emit("tick", { n: 2 });
  for await (const event of stream) {
    assert.equal(event, { n: 1 });
    break;
  }
  assert.ok((await stream.next()).done);
  const other = events.stream("tick");
  events.emit("tick", { n: 1 });
  await rejects(
    async () => {
      for await (const _ of other) throw over;
    },
    { message: /it is over/ },
  );
  assert.ok((await other.next()).done);
});

test("stream: one more than the limit is OVERFLOW, after what was in time; it holds no more than that", async () => {
  for (const limit of [1, 3, undefined]) {
    const events = createEvents<Map>();
    const stream = events.stream("tick", limit === undefined ? {} : { limit });
    const room = limit ?? 1024;
    for (let n = 0; n < room * 2; n += 1) events.emit("tick", { n });
    const read: number[] = [];
    await rejects(
      async () => {
        for await (const { n } of stream) read.push(n);
      },
      { code: "OVERFLOW", message: new RegExp(`more than ${room} `) },
    );
    assert.equal(
      read,
      Array.from({ length: room }, (_, n) => n),
    );
    assert.ok((await stream.next()).done);
  }
});

test("stream: at the limit and read in time, nothing is lost", async () => {
  const events = createEvents<Map>();
  const stream = events.stream("tick", { limit: 2 });
  for (let n = 0; n < 1_000; n += 1) {
    events.emit("tick", { n });
    assert.is((await stream.next()).value?.n, n);
  }
  events.emit("tick", { n: -1 });
  events.emit("tick", { n: -2 });
  assert.is((await stream.next()).value?.n, -1);
});

test("stream: abort ends it at once with the signal's reason", async () => {
  const events = createEvents<Map>();
  const abort = new AbortController();
  const stream = events.stream("tick", { signal: abort.signal });
  const idle = events.stream("tock", { signal: abort.signal });
  const reading = [idle.next(), idle.next()];
  events.emit("tick", { n: 1 });
  abort.abort(over);
  await rejects(stream.next(), { message: /it is over/ });
  assert.ok((await stream.next()).done);
  await rejects(Promise.resolve(reading[0]), { message: /it is over/ });
  assert.ok((await reading[1])?.done);
  await rejects(events.stream("tick", { signal: abort.signal }).next(), { message: /it is over/ });
});

test("stream: the end of the source, quiet or not, after what is queued", async () => {
  for (const quietly of [true, false]) {
    const events = createEvents<Map>();
    const stream = events.stream("tick");
    const idle = events.stream("tock");
    const reading = idle.next();
    events.emit("tick", { n: 1 });
    events.end(over, { quietly });
    events.end(new Error("a second end says nothing"), { quietly: !quietly });
    assert.equal((await stream.next()).value, { n: 1 });
    if (quietly) {
      assert.ok((await stream.next()).done);
      assert.ok((await reading).done);
      assert.ok((await events.stream("tick").next()).done);
    } else {
      await rejects(stream.next(), { message: /it is over/ });
      await rejects(reading, { message: /it is over/ });
      await rejects(events.stream("tick").next(), { message: /it is over/ });
    }
  }
});

test("after the end nothing is delivered", () => {
  const events = createEvents<Map>();
  let count = 0;
  events.on("tick", () => {
    count += 1;
  });
  events.end(over);
  events.emit("tick", { n: 1 });
  assert.is(count, 0);
});

test("a thousand waits and streams leave no listener behind", async () => {
  const events = createEvents<Map>();
  const abort = new AbortController();
  let live = 0;
  const { signal } = abort;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
    live += 1;
    addEventListener.apply(signal, args);
  };
  signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
    live -= 1;
    removeEventListener.apply(signal, args);
  };
  for (let n = 0; n < 1_000; n += 1) {
    const stream = events.stream("tick", { signal });
    const wait = events.wait("tick", { signal });
    events.emit("tick", { n });
    await Promise.all([wait, stream.next()]);
    await stream.return?.();
  }
  assert.is(live, 0);
});

test("interest: registered with its type, released once", async () => {
  const { rpc, peer } = await memoryPair();
  const registering = registerInterest(rpc.session("s"), "mcp.oauth_required");
  const asked = await peer.next("session.eventLog.registerInterest");
  assert.equal(asked.params, { sessionId: "s", eventType: "mcp.oauth_required" });
  peer.answer(asked, { handle: "interest-1" });
  const interest = await registering;
  assert.is(interest.handle, "interest-1");
  assert.is(interest.sessionId, "s");
  assert.is(interest.eventType, "mcp.oauth_required");
  const releases = Promise.all([interest.release(), interest.release()]);
  const released = await peer.next("session.eventLog.releaseInterest");
  assert.equal(released.params, { sessionId: "s", handle: "interest-1" });
  peer.answer(released, { success: true });
  await releases;
  {
    await using _again = interest;
  }
  assert.is(peer.received.length, 3, "connect, register, release");
  await rpc.close();
});
