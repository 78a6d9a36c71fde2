import { inspect } from "node:util";
import { type KindName, kinds, rowOf } from "latchkey/pending";
import { leftOut } from "./left-out.js";
import { provocations } from "./provocations.js";
import { shape } from "./shape.js";

/** What was measured on both runtimes; where they differ, the older one is named first. */
interface Measured {
  /** The owner's process is killed while the request waits and another connection holds the session. */
  readonly ownerGone: string;
  /** The runtime is killed while the request waits, and the session is resumed with `continuePendingWork`. */
  readonly runtimeGone: string;
}

export const measured: Record<KindName, Measured> = {
  "mcp.oauth_required": {
    ownerGone: "keeps waiting",
    runtimeGone:
      "asked again under a new id once there is interest; a tool call that waited is made again by 1.0.85 and closed as interrupted by 1.0.102",
  },
  "mcp.headers_refresh_required": {
    ownerGone: "keeps waiting",
    runtimeGone: "asked again under a new id when the server is started: by `mcp.list` or a turn",
  },
  "permission.requested": {
    ownerGone: "keeps waiting",
    runtimeGone: "keeps waiting under its id, not announced again",
  },
  "external_tool.requested": {
    ownerGone: "keeps waiting; the tool is gone for later turns",
    runtimeGone: "keeps waiting under its id, not announced again",
  },
  "elicitation.requested": {
    ownerGone:
      "of an MCP server: cancelled at once, or keeps waiting where the hold has `elicitation`; of `ui.elicitation`: an answer is accepted, but nobody receives it",
    runtimeGone:
      "of an MCP server: 1.0.85 makes the tool call again and asks under a new id, 1.0.102 closes it as interrupted; of `ui.elicitation`: gone",
  },
  "user_input.requested": {
    ownerGone:
      "keeps waiting by interest; by the flag the runtime completes it at once with an “unable to respond” text",
    runtimeGone: "gone; the tool call is closed as interrupted",
  },
  "exit_plan_mode.requested": {
    ownerGone: "keeps waiting by interest; by the flag the runtime rejects it at once",
    runtimeGone: "gone; the tool call is closed as interrupted",
  },
  "sampling.requested": {
    ownerGone: "keeps waiting",
    runtimeGone: "1.0.85 makes the tool call again and asks under a new id, 1.0.102 closes it as interrupted",
  },
  "auto_mode_switch.requested": { ownerGone: "not seen", runtimeGone: "not seen" },
  "session_limits_exhausted.requested": { ownerGone: "not seen", runtimeGone: "not seen" },
  "command.execute": {
    ownerGone: "an answer is accepted, but nobody receives it",
    runtimeGone: "gone, but the runtime says `success: true` to every answer",
  },
  "command.queued": { ownerGone: "keeps waiting", runtimeGone: "gone" },
};

const code = (text: string): string => `\`${text}\``;

/** Where a kind is shown. */
function shownBy(name: KindName): string {
  if (name === "mcp.oauth_required") return "real";
  return Object.values(provocations).some(({ kind }) => kind === name) ? "real" : "recorded";
}

function deadline(name: KindName): string {
  const limitMs = rowOf(name).limitMs;
  if (limitMs === undefined) return "none seen";
  const ms = limitMs({ elicitationSource: "any" });
  return name === "elicitation.requested" ? `${ms} ms when an MCP server asks` : `${ms} ms`;
}

const yesNo = (holds: boolean): string => (holds ? "yes" : "no");

/** As a program would write it. */
const plain = (value: unknown): string => (typeof value === "string" ? value : inspect(value).replaceAll("'", '"'));

const names = Object.values(kinds).map((row) => row.event);

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");

/** The tables of docs/kinds.md, by the name of their marker. */
export const tables = {
  names: table(
    ["event that asks", "event that ends it", "method that answers it", "shown"],
    names.map((name) => [code(name), code(kinds[name].completed), code(kinds[name].respond), shownBy(name)]),
  ),
  life: table(
    ["event", "asked by", "same id after the runtime was killed", "serves other requests", "deadline"],
    names.map((name) => {
      const row = rowOf(name);
      const by = row.enabledBy.map(code).join(", or ");
      return [code(name), by, yesNo(row.survivesRuntime), yesNo(row.credential !== undefined), deadline(name)];
    }),
  ),
  people: table(
    ["event", "yes", "no", "plain text"],
    names.map((name) => {
      const { yes, no, text } = rowOf(name);
      return [name, yes, no?.(), text?.prompt].map((cell) => (cell === undefined ? "" : code(plain(cell))));
    }),
  ),
  session: table(
    [
      "event",
      "an attach would wedge the session",
      "asked again by a new load",
      "given at a resume",
      "its tool call is made again by 1.0.85",
    ],
    names.map((name) => {
      const { blocks, askedAgain, seed, retriesToolCall } = rowOf(name);
      const wedges = typeof blocks === "function" ? "at times" : yesNo(blocks);
      return [code(name), wedges, yesNo(askedAgain), yesNo(seed !== false), yesNo(retriesToolCall)];
    }),
  ),
  gone: table(
    ["event", "owner killed, session held", "runtime killed, session resumed"],
    names.map((name) => [code(name), measured[name].ownerGone, measured[name].runtimeGone]),
  ),
  left: table(
    ["name", "why it is not a kind"],
    Object.entries(leftOut).map(([name, why]) => [code(name), why]),
  ),
  answers: names.map((name) => `- ${code(name)}: ${code(shape(kinds[name].answer).replaceAll("\\|", "|"))}`).join("\n"),
};

export type TableName = keyof typeof tables;
