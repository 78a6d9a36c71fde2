import { answerOfJson } from "../answers.js";
import { escapeRemark, runCommand } from "../child.js";
import { shortId, summary } from "../entries.js";
import { type Io, oneLine, print, remark } from "../io.js";
import { requestJson } from "../lease.js";
import type { Level, Log } from "../log.js";
import type { Brokering, Fate, Worker } from "./loop.js";
import { writeAnswer } from "./write-answer.js";

/** `sysexits.h`: what a command says by how it ends. */
const tempFail = 75;
const noPermission = 77;

export const levels: Readonly<Record<Fate, Level>> = {
  answered: "info",
  cancelled: "info",
  declined: "info",
  unwanted: "info",
  left: "info",
  person: "info",
  retry: "warn",
  refused: "error",
};

/** Answers by a shell command. */
export function execWorker(
  exec: string,
  { ledger, owner }: Pick<Brokering, "ledger" | "owner">,
  { log, io }: { log: Log; io: Io },
): Worker {
  return {
    async work(claim, _lane, signal) {
      // A line that stays: the command's own messages come below it.
      await remark(io.err, `${shortId(claim.entry.id)}: the command runs`);
      const input = `${JSON.stringify(await requestJson(claim))}\n`;
      const { code, signal: killedBy, stdout, escaped } = await runCommand(exec, input, signal);
      if (escaped) await print(io.err, `${shortId(claim.entry.id)}: ${escapeRemark}`);
      if (code === noPermission) {
        await claim.cancel({ reason: `the broker's command ended with exit code ${code}` });
        return { fate: "cancelled" };
      }
      if (code === tempFail) return { fate: "retry" };
      if (code !== 0) return { fate: "retry", reason: `the command ended with ${killedBy ?? `exit code ${code}`}` };
      const answer = await answerOfJson(claim.entry, stdout);
      await writeAnswer({ ledger, claim, owner, signal }, answer, { actor: "automation" });
      return { fate: "answered" };
    },
    async tell(claim, { fate, reason: why }) {
      const { id, kind, sessionId } = claim.entry;
      const reason = fate === "refused" ? `${why}; the command is not run for it again by this broker` : why;
      await log(
        { did: fate, level: levels[fate], id, session: sessionId, kind, fate, fence: claim.fence, reason },
        `${shortId(id)} ${fate}${reason === undefined ? "" : `: ${oneLine(reason)}`}  ${kind} ${summary(claim.entry)}`,
      );
    },
  };
}
