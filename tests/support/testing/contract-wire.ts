/** What a runtime does with frames, handshake and calls that are none. */
import * as assert from "uvu/assert";
import type { Register } from "./contract.js";
import { openWire } from "./wire.js";

const nobody = "00000000-0000-4000-8000-000000000001";

export const wireContract: Register = (test, subject) => {
  test("before the handshake it does nothing, and a wrong token leaves the connection open", async () => {
    const { endpoint, token } = subject();
    await using wire = await openWire({ endpoint });
    const refused = async (method: string, params?: object) => (await wire.call(method, params)).error;
    assert.equal(await refused("ping"), { code: -32001, message: "AUTHENTICATION_REQUIRED" });
    assert.equal(await refused("connect", {}), { code: -32002, message: "AUTHENTICATION_FAILED" });
    assert.equal(await refused("connect", { token: "wrong" }), { code: -32002, message: "AUTHENTICATION_FAILED" });
    const { ok, protocolVersion, version, taskKinds } = await wire.ok("connect", { token });
    assert.equal([ok, protocolVersion, version, taskKinds], [true, 3, subject().version, ["agent", "shell"]]);
    assert.is((await wire.ok("ping", { message: "hi" })).message, "pong: hi");
  });

  test("what is no request is refused under no id, and the connection goes on", async () => {
    await using wire = await subject().connect();
    const refusal = async (send: () => void): Promise<unknown> => {
      const next = wire.next(({ id }) => id === null);
      send();
      const { error } = (await next) as { error: { code: number } };
      return error.code;
    };
    assert.is(await refusal(() => wire.raw("Content-Length: 5\r\n\r\n{bad}")), -32700);
    assert.is(await refusal(() => wire.send([{ jsonrpc: "2.0", id: 1, method: "ping" }])), -32600);
    assert.is(await refusal(() => wire.send({ id: 1, method: "ping" })), -32600);
    assert.equal((await wire.call("nonsense.x", {})).error, { code: -32601, message: "Unhandled method nonsense.x" });
    const body = JSON.stringify({ jsonrpc: "2.0", id: "text", method: "ping" });
    const answered = wire.next(({ id }) => id === "text");
    wire.raw(`content-LENGTH: ${body.length}\r\nContent-Type: whatever\r\n\r\n${body}`);
    await answered;
    await wire.ok("ping");
  });

  test("a malformed header ends what it says: 1.0.102 hangs up, 1.0.85 answers nothing more", async () => {
    await using wire = await subject().connect();
    const refused = wire.next(({ id }) => id === null);
    wire.raw("Hello world\r\n\r\n");
    assert.is(((await refused) as { error: { code: number } }).error.code, -32700);
    if (subject().older) {
      const error = await wire
        .call("ping", {}, { timeoutMs: subject().blockedMs })
        .catch((thrown: Error) => thrown.name);
      assert.is(error, "TimeoutError");
    } else await wire.closed;
  });

  test("a session that is not there, or not named, is an error that says so", async () => {
    await using wire = await subject().connect();
    const says = async (method: string, params: object): Promise<string> => {
      const { error } = await wire.call(method, params);
      assert.is(error?.code, -32603);
      return error?.message.replace(`Request ${method} failed with message: `, "") ?? "";
    };
    assert.is(await says("session.send", {}), "Missing sessionId in session.send request");
    assert.is(await says("session.send", { sessionId: 5 }), "Missing sessionId in session.send request");
    assert.is(await says("session.mode.get", { sessionId: nobody }), `Session not found for sessionId: ${nobody}`);
    assert.is(await says("session.resume", {}), "Missing sessionId parameter");
    assert.is(
      await says("session.resume", { sessionId: nobody }),
      `Failed to load session events: Session not found: ${nobody}`,
    );
    assert.is(
      await says("session.create", { sessionId: "../x" }),
      "Rejected session.create request with invalid sessionId: ../x",
    );
    assert.is(await says("sessions.close", {}), "Invalid sessionId: undefined");
    assert.equal(await wire.ok("sessions.close", { sessionId: nobody }), {});
  });

  test("a model that is no text: 1.0.85 does not mind, 1.0.102 refuses it", async () => {
    await using wire = await subject().connect();
    const { result, error } = await wire.call("session.create", { model: 5 });
    assert.is(error?.code, subject().older ? undefined : -32603);
    if (result) await wire.ok("sessions.close", { sessionId: result.sessionId });
  });
};

/** Uses the runtime up, so it comes last. */
export const endContract: Register = (test, subject) => {
  test("`runtime.shutdown` ends 1.0.102; 1.0.85 stays and refuses every call", async () => {
    await subject().restart();
    await using wire = await subject().connect();
    const { result } = await wire.call("runtime.shutdown");
    assert.equal(result, subject().older ? {} : null);
    if (subject().older)
      assert.equal((await wire.call("ping")).error, { code: -32000, message: "SERVER_SHUTTING_DOWN" });
    else await Promise.all([wire.closed, subject().exited]);
  });
};
