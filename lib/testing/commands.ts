/** Slash commands that a client carries out, at once or from the queue. */
import { isRecord } from "../base/record.js";
import { ask } from "./requests.js";
import { emit, hasInterest, type Session } from "./session.js";

type Data = Readonly<Record<string, unknown>>;

/** `commands.execute`: announced to the connections that listed the command, and to no other. Rejects with what the client says. */
export function executeCommand(
  session: Session,
  data: Data,
  { id = session.around.random.uuid() } = {},
): Promise<void> {
  const listed = [...session.attached.values()].flatMap(({ commands }) => commands);
  const commandName = String(data.commandName ?? listed[0]?.name ?? "");
  const args = String(data.args ?? "");
  const to = [...session.attached].flatMap(([peer, { commands }]) =>
    commands.some(({ name }) => name === commandName) ? [peer] : [],
  );
  if (to.length === 0) return Promise.reject(new Error(`Unknown command: /${commandName}`));
  const command = args === "" ? `/${commandName}` : `/${commandName} ${args}`;
  return new Promise((resolve, reject) => {
    ask(
      session,
      "command.execute",
      { command, commandName, args },
      {
        id,
        to,
        fail: reject,
        settle(answer) {
          if (isRecord(answer) && typeof answer.error === "string") reject(new Error(answer.error));
          else resolve();
        },
      },
    );
  });
}

/** `commands.enqueue`: without interest the command is dropped in silence. */
export function enqueueCommand(session: Session, command: string, id = session.around.random.uuid()): void {
  if (hasInterest(session, "command.queued"))
    ask(session, "command.queued", { command }, { id, settle: () => undefined });
  else if (!session.turn) emit(session, "session.idle", { mode: session.mode }, { ephemeral: true });
}
