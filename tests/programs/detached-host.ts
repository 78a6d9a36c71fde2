/** Starts a detached runtime, says where it is, and ends, or stays when told to, until it is killed. */
import { startRuntime } from "latchkey/rpc";
import * as v from "valibot";
import { given, say } from "../support/world/program.js";

const { path, home, stay } = given(v.object({ path: v.string(), home: v.string(), stay: v.boolean() }));
const runtime = await startRuntime({ path, home, cwd: home, detached: true, logLevel: "all" });
await say({ type: "started", endpoint: runtime.endpoint, token: runtime.token, pid: runtime.pid });
if (stay) setInterval(() => undefined, 60_000);
else process.stdin.unref();
