import type { AnswerOf, KindName } from "../pending/index.js";
import { exit, Stop } from "./exit.js";

export type Answer = AnswerOf<KindName>;
export type Choice = "approve" | "approve-for-session" | "deny";

/** What an answer is made of when it is typed or piped, and how it is asked for. */
export interface Wanted {
  readonly prompt: string;
  /** It is not shown while it is typed. */
  readonly secret: boolean;
}

const asks: Partial<Record<KindName, Wanted>> = {
  "mcp.oauth_required": { prompt: "Access token", secret: true },
  "mcp.headers_refresh_required": { prompt: "Header (Name: value)", secret: true },
  "external_tool.requested": { prompt: "Result", secret: false },
  "user_input.requested": { prompt: "Answer", secret: false },
};

/** What is asked for when no choice was given; nothing for kinds that take a choice or JSON only. */
export const wanted = (kind: KindName): Wanted | undefined => asks[kind];

export interface TextOptions {
  readonly expiresIn?: number | undefined;
  readonly tokenType?: string | undefined;
}

/** The answer that a plain text is. */
export function answerOfText(kind: KindName, given: string, { expiresIn, tokenType }: TextOptions): Answer {
  const text = given.replace(/\r?\n$/, "");
  switch (kind) {
    case "mcp.oauth_required":
      return {
        kind: "token",
        accessToken: nonEmpty(text.trim(), "the token"),
        ...(tokenType === undefined ? {} : { tokenType }),
        ...(expiresIn === undefined ? {} : { expiresIn }),
      };
    case "mcp.headers_refresh_required":
      return {
        kind: "headers",
        headers: headersOf(text),
        ...(expiresIn === undefined ? {} : { ttlMs: expiresIn * 1000 }),
      };
    case "external_tool.requested":
      return { result: text };
    case "user_input.requested":
      return { answer: text, wasFreeform: true };
    default:
      throw new Stop(exit.invalid, `${kind} is answered by --approve, --deny or --json`);
  }
}

/** The answer that a yes or a no is, for the kinds that know one. */
export function answerOfChoice(kind: KindName, choice: Choice, feedback?: string): Answer {
  const answer = choice === "deny" ? denial(kind, feedback) : approval(kind, choice);
  if (answer === undefined)
    throw new Stop(exit.invalid, `--${choice} does not answer ${kind}: give --json, or the text on standard input`);
  return answer;
}

function approval(kind: KindName, choice: Choice): Answer | undefined {
  if (choice === "approve-for-session")
    return kind === "permission.requested" ? { kind: "approve-for-session" } : undefined;
  switch (kind) {
    case "permission.requested":
      return { kind: "approve-once" };
    case "exit_plan_mode.requested":
      return { approved: true };
    case "auto_mode_switch.requested":
      return "yes";
    case "elicitation.requested":
      return { action: "accept" };
    case "command.execute":
      return {};
    case "command.queued":
      return { handled: true };
    default:
      return undefined;
  }
}

function denial(kind: KindName, feedback?: string): Answer | undefined {
  const said = feedback === undefined ? {} : { feedback };
  switch (kind) {
    case "mcp.oauth_required":
      return { kind: "cancelled" };
    case "mcp.headers_refresh_required":
      return feedback === undefined ? { kind: "none" } : { kind: "error", message: feedback };
    case "permission.requested":
      return { kind: "reject", ...said };
    case "external_tool.requested":
    case "command.execute":
      return { error: feedback ?? "denied" };
    case "elicitation.requested":
      return { action: "decline" };
    case "exit_plan_mode.requested":
      return { approved: false, ...said };
    case "auto_mode_switch.requested":
      return "no";
    case "session_limits_exhausted.requested":
      return { action: "cancel" };
    case "sampling.requested":
      return {};
    case "command.queued":
      return { handled: false };
    default:
      return undefined;
  }
}

function headersOf(text: string): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const line of text.split(/\r?\n/).filter((each) => each.trim() !== "")) {
    const [, name, value] = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*(.*?)[ \t]*$/.exec(line) ?? [];
    // The line itself may be secret.
    if (name === undefined || value === undefined) throw new Stop(exit.invalid, 'a header is a line "Name: value"');
    headers[name] = value;
  }
  if (Object.keys(headers).length === 0) throw new Stop(exit.invalid, "no header was given");
  return headers;
}

function nonEmpty(text: string, subject: string): string {
  if (text === "") throw new Stop(exit.invalid, `${subject} is empty`);
  return text;
}
