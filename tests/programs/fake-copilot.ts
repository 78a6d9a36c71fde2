/** The fake runtime under the name of a real one: started as `COPILOT_CLI_PATH`, it says where it listens and takes its token from the environment. */
import { fakeRuntime } from "latchkey/testing";

const fake = await fakeRuntime({ like: "1.0.85", token: process.env.COPILOT_CONNECTION_TOKEN });
process.stdout.write(`CLI server listening on port ${new URL(fake.endpoint).port}\n`);
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => process.exit(0));
await fake.exited;
process.exit(0);
