/** The fake runtime in the place of a real one, with the model and the authorization server of the worlds that are open. */
import { connect } from "latchkey/rpc";
import { type FakeReply, fakeRuntime } from "latchkey/testing";
import type { Reply } from "./model.js";
import type { RuntimeUnderTest } from "./runtimes.js";
import type { TestRuntime, World } from "./scenario.js";
import { serverName } from "./session-params.js";

export async function startFakeTestRuntime(under: RuntimeUnderTest, worlds: ReadonlySet<World>): Promise<TestRuntime> {
  const fake = await fakeRuntime({
    like: under.retries ? "1.0.85" : "1.0.102",
    accepts: (token, { serverUrl }) =>
      [...worlds].every(({ mcp, authorization }) => mcp.endpoint !== serverUrl || isGood(authorization, token)),
    model({ modelUrl }) {
      const reply = [...worlds].find(({ model }) => model.baseUrl === modelUrl)?.model.next();
      return reply && replyOf(reply);
    },
  });
  const home = "/fake";
  return {
    under,
    home,
    get runtime() {
      const { endpoint, token, version, exited } = fake;
      const stop = (): Promise<void> => fake.stop();
      return {
        endpoint,
        token,
        version,
        pid: 0,
        exited: exited.then(() => ({ code: 0, signal: null })),
        stop,
        [Symbol.asyncDispose]: stop,
      };
    },
    connect: () => connect(fake.endpoint, { token: fake.token }),
    restart: () => fake.restart(),
    close: () => fake.close(),
    [Symbol.asyncDispose]: () => fake.close(),
  };
}

const isGood = (authorization: World["authorization"], token: string): boolean =>
  authorization.introspect(token) !== undefined;

/** A tool of the protected server: the fake asks for a permission, and for a token where the server takes none. */
function replyOf(reply: Reply): FakeReply {
  if (typeof reply === "function") throw new Error("the fake runtime sends its model no requests");
  if ("text" in reply) return reply;
  return {
    ask: "permission.requested",
    data: { permissionRequest: { kind: "mcp", serverName, toolName: reply.tool } },
  };
}
