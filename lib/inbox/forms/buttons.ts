/** The plain buttons of an entry, and the answers behind them. */
import type { Entry } from "../../ledger/index.js";
import { type AnswerOf, type KindName, kinds, rowOf } from "../../pending/index.js";
import { formOf } from "./table.js";

export type Press = "yes" | "session" | "form" | "no";
export interface Button {
  readonly press: Press;
  readonly label: string;
  /** Which of them stands out, and which refuses. */
  readonly tone: "main" | "no" | "";
}

type Words = Readonly<Partial<Record<Press, string | false>>>;

/** What the buttons say where "Approve" and "Deny" would not do. `false`: the form says it better. */
const words: { readonly [K in KindName]?: Words } = {
  "mcp.oauth_required": { no: "Do not sign in" },
  "mcp.headers_refresh_required": { no: "Send none" },
  "permission.requested": { yes: "Allow once", session: "For this session", no: "Deny" },
  "external_tool.requested": { no: "Fail the call" },
  "elicitation.requested": { yes: "Accept", no: "Decline" },
  "exit_plan_mode.requested": { yes: false, no: "Send it back" },
  "sampling.requested": { no: "Decline" },
  "auto_mode_switch.requested": { yes: "Switch once", no: "Do not switch" },
  "session_limits_exhausted.requested": { no: "Stop here" },
  "command.execute": { yes: "Done", no: "It failed" },
  "command.queued": { yes: "Handled", no: "Not handled" },
};

/** The buttons that answer an entry by themselves, the plainest first. A form without fields is one of them. */
export function buttonsOf(entry: Pick<Entry, "kind" | "data">): Button[] {
  const { kind, data } = entry;
  const said: Words = words[kind] ?? {};
  const { yes, yesForSession, no } = rowOf(kind);
  const form = formOf(entry);
  // What asks for content is accepted with content.
  const asksMore = "requestedSchema" in data && data.requestedSchema !== undefined;
  const offered: readonly (readonly [Press, boolean, string])[] = [
    ["yes", yes !== undefined && !asksMore, "Approve"],
    ["session", yesForSession !== undefined, "Approve for this session"],
    ["form", form?.fields.length === 0, form?.submit ?? ""],
    ["no", no !== undefined, "Deny"],
  ];
  const shown = offered.flatMap(([press, there, plain]) => {
    const label = said[press] ?? plain;
    return there && label !== false ? [{ press, label }] : [];
  });
  return shown.map((button, at) => ({ ...button, tone: toneOf(button.press, at) }));
}

const toneOf = (press: Press, at: number): Button["tone"] => (press === "no" ? "no" : at === 0 ? "main" : "");

/** Whether a no of this kind has a place for why. */
export function takesReason(kind: KindName): boolean {
  const { no } = rowOf(kind);
  return no !== undefined && JSON.stringify(no("why")) !== JSON.stringify(no());
}

/** The answer behind a button; undefined where the kind has no such button. */
export function answerOf(
  kind: KindName,
  press: Exclude<Press, "form">,
  reason: string | undefined,
): AnswerOf<KindName> | undefined {
  const { yes, yesForSession, no } = kinds[kind];
  if (press === "no") return no?.(reason);
  return press === "yes" ? yes : yesForSession;
}
