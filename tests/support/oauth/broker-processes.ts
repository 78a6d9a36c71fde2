import { type Message, startProgram } from "../world/processes.js";

/** Runs one process of tests/programs/oauth-broker.ts, from its start to its end, and says what it said. */
export async function brokerProcess(role: "begin" | "finish", given: object): Promise<Message> {
  const program = startProgram("oauth-broker", { given: { how: "code", context: {}, ...given, role } });
  await program.exited;
  if (program.noise !== "") process.stderr.write(program.noise);
  return program.messages[0] ?? { type: "nothing" };
}
