import * as assert from "uvu/assert";
import { createFrames, encodeFrame, FrameError } from "../../lib/rpc/frames.js";
import { collect } from "../support/collect.js";
import { turn } from "../support/pair.js";
import { rejects, suite } from "../support/suite.js";

const test = suite("Frames");

const limit = 1 << 20;

/** The bodies that come out when these chunks go in. */
function read(chunks: readonly (string | Buffer)[], maxFrameBytes = limit): string[] {
  const frames = createFrames(maxFrameBytes);
  const bodies: string[] = [];
  for (const chunk of chunks) {
    frames.push(Buffer.from(chunk));
    for (let body = frames.next(); body !== undefined; body = frames.next()) bodies.push(body);
  }
  return bodies;
}

const fails = (chunks: readonly (string | Buffer)[], message: RegExp, maxFrameBytes?: number) =>
  rejects(() => read(chunks, maxFrameBytes), { type: FrameError, message });

/** Every way to cut `whole` in two, and byte by byte. */
function* cuts(whole: Buffer): Generator<Buffer[]> {
  for (let at = 0; at <= whole.length; at += 1) yield [whole.subarray(0, at), whole.subarray(at)];
  yield Array.from(whole, (_, at) => whole.subarray(at, at + 1));
}

test("what is written is read back, as bytes and not as characters", () => {
  const message = { text: "žluťoučký 🔑", nested: [{ a: null }] };
  const written = encodeFrame(message);
  assert.match(written, /^Content-Length: \d+\r\n\r\n\{/);
  assert.equal(
    read([written]).map((body) => JSON.parse(body)),
    [message],
  );
});

test("three frames come out whole wherever the chunks are cut", () => {
  const bodies = ['{"a":1}', '{"key":"🔑"}', '"ž"'];
  const whole = Buffer.concat(
    bodies.map((body) => Buffer.from(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)),
  );
  for (const chunks of cuts(whole)) assert.equal(read(chunks), bodies, `cut at ${chunks[0]?.length}`);
});

test("cut in three at every pair of places", () => {
  const whole = Buffer.from("Content-Length: 2\r\n\r\n{}Content-Length: 3\r\n\r\n[1]");
  for (let first = 0; first <= whole.length; first += 1)
    for (let second = first; second <= whole.length; second += 1)
      assert.equal(read([whole.subarray(0, first), whole.subarray(first, second), whole.subarray(second)]), [
        "{}",
        "[1]",
      ]);
});

test("empty chunks and an empty body", () => {
  assert.equal(read(["", "Content-Length: 0\r\n\r\n", "", "Content-Length: 2\r\n\r\n{}"]), ["", "{}"]);
});

test("headers in any case, with others beside them, with spaces around the value", () => {
  for (const header of [
    "content-length: 2",
    "CONTENT-LENGTH:2",
    "Content-Length:   2  ",
    "Content-Type: application/vscode-jsonrpc; charset=utf-8\r\nContent-Length: 2",
    "Content-Length: 2\r\nX-Other: a: b: c",
    "Content-Length: 2\r\nContent-Length: 2",
    "Content-Length: 002",
  ])
    for (const chunks of cuts(Buffer.from(`${header}\r\n\r\n{}`))) assert.equal(read(chunks), ["{}"], header);
});

test("headers that say nothing usable, wherever they are cut", async () => {
  for (const [header, message] of [
    ["", /without a name/],
    ["garbage", /without a name/],
    [": 2", /without a name/],
    ["Content-Type: text/plain", /without Content-Length/],
    ["Content-Length: two", /not a number/],
    ["Content-Length: -2", /not a number/],
    ["Content-Length: 2.0", /not a number/],
    ["Content-Length: 0x2", /not a number/],
    ["Content-Length: 2, 2", /not a number/],
    ["Content-Length:", /not a number/],
    ["Content-Length: 99999999999999999999999999", /not a number/],
    ["Content-Length: 2\r\nContent-Length: 3", /two different/],
    ["Content-Length: 2\r\ncontent-length: 3", /two different/],
    ["Content-Length: 2\r\n folded", /without a name/],
    ["Content-Length: 2\nContent-Length: 2", /not a number/],
  ] as const)
    for (const chunks of cuts(Buffer.from(`${header}\r\n\r\n{}`))) await fails(chunks, message);
});

test("no error quotes what came", async () => {
  for (const chunk of ["sekret\r\n\r\n", "Content-Length: sekret\r\n\r\n", "sekret".repeat(2000)]) {
    const error = await fails([chunk], /./);
    assert.not.match(error.message, "sekret");
  }
  const body = Buffer.concat([Buffer.from("sekret"), Buffer.from([0xff])]);
  const error = await fails([`Content-Length: ${body.length}\r\n\r\n`, body], /not UTF-8/);
  assert.not.match(error.message, "sekret");
});

test("a header of 8192 bytes is read, one byte more is not, wherever it is cut", async () => {
  const header = (bytes: number) => `Content-Length: 2\r\nX: ${"y".repeat(bytes - "Content-Length: 2\r\nX: ".length)}`;
  const fits = Buffer.from(`${header(8192)}\r\n\r\n{}`);
  const tooLong = Buffer.from(`${header(8193)}\r\n\r\n{}`);
  for (let at = 8180; at < fits.length; at += 1) {
    assert.equal(read([fits.subarray(0, at), fits.subarray(at)]), ["{}"], `cut at ${at}`);
    await fails([tooLong.subarray(0, at), tooLong.subarray(at)], /more than 8192/);
  }
});

test("a header without an end is given up early", async () => {
  const frames = createFrames(limit);
  const piece = Buffer.alloc(512, "a");
  let pushed = 0;
  await rejects(
    () => {
      for (; pushed < 1_000; pushed += 1) {
        frames.push(piece);
        frames.next();
      }
    },
    { type: FrameError, message: /more than 8192/ },
  );
  assert.ok(pushed <= 17, `gave up after ${pushed} pieces`);
});

test("the limit on frames holds at once, before the body comes", async () => {
  assert.equal(read([`Content-Length: 16\r\n\r\n${"x".repeat(16)}`], 16), ["x".repeat(16)]);
  await fails(["Content-Length: 17\r\n\r\n"], /a frame of 17 bytes, more than the limit of 16/, 16);
  await fails(["Content-Length: 999999999999999\r\n\r\n"], /more than the limit/);
});

test("what is announced takes no memory before it comes", () => {
  const before = process.memoryUsage();
  const readers = Array.from({ length: 200 }, () => {
    const frames = createFrames(2 ** 30);
    frames.push(Buffer.from(`Content-Length: ${2 ** 30}\r\n\r\n{`));
    assert.is(frames.next(), undefined);
    return frames;
  });
  const after = process.memoryUsage();
  assert.ok(readers.every((frames) => frames.partial()));
  assert.ok(after.arrayBuffers - before.arrayBuffers < 8 * 2 ** 20, "200 announced GiB took more than 8 MiB");
});

test("a frame that was read is let go of", async () => {
  const frames = createFrames(2 ** 26);
  collect();
  const before = process.memoryUsage().arrayBuffers;
  const readOne = (): void => {
    frames.push(Buffer.from(`Content-Length: ${2 ** 24}\r\n\r\n`));
    frames.next();
    frames.push(Buffer.alloc(2 ** 24, "a"));
    assert.is(frames.next()?.length, 2 ** 24);
    assert.is(frames.next(), undefined);
  };
  readOne();
  await turn();
  collect();
  assert.ok(process.memoryUsage().arrayBuffers - before < 2 ** 22);
  assert.not.ok(frames.partial());
});

test("a long body in small chunks costs time in proportion", () => {
  const steps = (bytes: number): number => {
    const frames = createFrames(2 ** 26);
    frames.push(Buffer.from(`Content-Length: ${bytes}\r\n\r\n`));
    const piece = Buffer.alloc(1024, "a");
    let copied = 0;
    const { copy } = Buffer.prototype;
    Buffer.prototype.copy = function (...args: Parameters<typeof copy>) {
      const count = copy.apply(this, args);
      copied += count;
      return count;
    };
    try {
      for (let sent = 0; sent < bytes; sent += piece.length) {
        assert.is(frames.next(), undefined);
        frames.push(piece);
      }
      assert.is(frames.next()?.length, bytes);
    } finally {
      Buffer.prototype.copy = copy;
    }
    return copied / bytes;
  };
  assert.ok(steps(2 ** 22) < 4, "each byte was copied at most three times");
});

test("a body that is not UTF-8", async () => {
  for (const bytes of [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xf8, 0x88, 0x80, 0x80, 0x80], [0xc0, 0x80]])
    for (const chunks of cuts(
      Buffer.concat([Buffer.from(`Content-Length: ${bytes.length}\r\n\r\n`), Buffer.from(bytes)]),
    ))
      await fails(chunks, /not UTF-8/);
});

test("a body that ends in the middle of a character, in a chunk that is UTF-8 as a whole", async () => {
  for (const chunks of cuts(Buffer.from("Content-Length: 2\r\n\r\n1é"))) await fails(chunks, /not UTF-8/);
});

test("whether it stands in the middle of a frame", () => {
  const whole = Buffer.from("Content-Length: 2\r\n\r\n{}");
  for (let at = 0; at <= whole.length; at += 1) {
    const frames = createFrames(limit);
    frames.push(whole.subarray(0, at));
    frames.next();
    assert.is(frames.partial(), at > 0 && at < whole.length, `after ${at} bytes`);
  }
});
