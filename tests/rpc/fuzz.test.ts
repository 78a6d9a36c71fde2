import fc from "fast-check";
import { connect } from "latchkey/rpc";
import * as assert from "uvu/assert";
import { createFrames, FrameError } from "../../lib/rpc/frames.js";
import { createTally, fuzzConnection } from "../support/fuzz.js";
import { frame, hello, memoryPair, memoryPeer, trapStrayRejections, turns } from "../support/pair.js";
import { suite, within } from "../support/suite.js";

const test = suite("Hostile input", { timeoutMs: 20_000 });
trapStrayRejections(test);

const seed = Number(process.env.LATCHKEY_FUZZ_SEED ?? Date.now() % 2 ** 31);
process.stdout.write(`seed ${seed}: repeat with LATCHKEY_FUZZ_SEED=${seed}\n`);

/** The bodies that come out of the chunks, and the error that ends them. */
function read(chunks: readonly Uint8Array[]): unknown[] {
  const frames = createFrames(1 << 16);
  const out: unknown[] = [];
  try {
    for (const chunk of chunks) {
      frames.push(Buffer.from(chunk));
      for (let body = frames.next(); body !== undefined; body = frames.next()) out.push(body);
    }
    out.push({ partial: frames.partial() });
  } catch (error) {
    if (!(error instanceof FrameError)) throw error;
    out.push({ error: error.message });
  }
  return out;
}

test("where the chunks are cut changes nothing, whatever the bytes", () => {
  const header = fc.constantFrom(
    "Content-Length: 2\r\n\r\n",
    "content-length:3\r\nX: y\r\n\r\n",
    "Content-Length: 0\r\n\r\n",
    "Content-Length: 99999999\r\n\r\n",
    "Content-Length: 2\r\nContent-Length: 5\r\n\r\n",
    "\r\n\r\n",
    "Content-Length: 4\r\n\r\n{}{}",
    "Content-Length: 4\r\n\r\n🔑",
  );
  const part = fc.oneof(
    { weight: 4, arbitrary: header.map((text) => Buffer.from(text)) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes)) },
    {
      weight: 3,
      arbitrary: fc
        .json({ maxDepth: 2 })
        .map((text) => Buffer.from(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`)),
    },
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 6 }), fc.array(fc.nat(200), { maxLength: 8 }), (parts, cuts) => {
      const whole = Buffer.concat(parts);
      const places = [0, ...cuts.map((cut) => cut % (whole.length + 1)).sort((a, b) => a - b), whole.length];
      const chunks = places.slice(1).map((to, at) => whole.subarray(places[at], to));
      const expected = read([whole]);
      assert.equal(read(chunks), expected);
      assert.equal(read(Array.from(whole, (byte) => Uint8Array.of(byte))), expected);
    }),
    { seed, numRuns: 1_000 },
  );
});

test("any JSON as a frame: the connection goes on or ends with PROTOCOL, and the request is settled", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.jsonValue({ maxDepth: 4 }), { minLength: 1, maxLength: 5 }), async (messages) => {
      const { rpc, peer } = await memoryPair();
      const out = rpc.request("ping").then(
        () => "answered",
        (error: { code: string }) => error.code,
      );
      await peer.next("ping");
      peer.send(...messages);
      await turns(2);
      await rpc.close();
      const end = await within(2_000, out, "the request");
      assert.ok(["answered", "PROTOCOL", "ENDED", "RPC"].includes(end), end);
    }),
    { seed, numRuns: 200 },
  );
});

test("any answer to the handshake: a connection, or an error with a code", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(fc.jsonValue(), fc.record({ protocolVersion: fc.jsonValue(), version: fc.jsonValue() })),
      async (answer) => {
        const { target, peer } = memoryPeer();
        const connecting = connect(target).then(
          async (rpc) => {
            await rpc.close();
            return "connected";
          },
          (error: { code: string }) => error.code,
        );
        peer.raw(frame({ jsonrpc: "2.0", id: (await peer.next("connect")).id, result: answer }));
        const end = await within(2_000, connecting, "connect");
        const fine = JSON.stringify(answer) === JSON.stringify(hello);
        assert.ok(fine || ["PROTOCOL", "connected"].includes(end), end);
      },
    ),
    { seed, numRuns: 200 },
  );
});

test("mutated frames and envelopes: no crash, no hang, every request settled", async () => {
  const tally = createTally();
  const until = performance.now() + 3_000;
  for (let at = 0; performance.now() < until; at += 1)
    await within(10_000, fuzzConnection(seed + at, 200, tally), `seed ${seed + at}`);
  process.stdout.write(`${tally.inputs} inputs, ${tally.connections} connections, ${tally.requests} requests\n`);
  assert.ok(tally.inputs > 1_000);
  for (const code of ["PROTOCOL", "ENDED", "CLOSED"]) assert.ok(tally.closes.has(code), code);
  assert.ok((tally.ends.get("result") ?? 0) > 0, "some requests are answered");
});
