/** What is asked, as one sentence. The words in it are a stranger's; those of a permission are its row's, whole and in their order. */
import type { Entry } from "../ledger/index.js";
import { type DataOf, type KindName, rowOf, summaryOf } from "../pending/index.js";
import { hostOf } from "./facts.js";

type Lines = { readonly [K in KindName]?: (data: DataOf<K>, summary: string) => string };
type Line = { line(data: Entry["data"], summary: string): string }["line"];

const verbs: Readonly<Record<string, string>> = {
  shell: "Run",
  write: "Write",
  read: "Read",
  url: "Open",
  mcp: "Call",
  memory: "Remember",
};

const lines: Lines = {
  "mcp.oauth_required": ({ serverName, serverUrl }) =>
    `Sign in to ${serverName} at ${hostOf(serverUrl) ?? "an unknown host"}`,
  "mcp.headers_refresh_required": ({ serverName, serverUrl }) =>
    `Headers for ${serverName} at ${hostOf(serverUrl) ?? "an unknown host"}`,
  "permission.requested": ({ permissionRequest: { kind } }, summary) => {
    const verb = Object.hasOwn(verbs, kind) ? verbs[kind] : undefined;
    return verb !== undefined && summary.startsWith(`${kind} `) ? `${verb} ${summary.slice(kind.length + 1)}` : summary;
  },
  "external_tool.requested": ({ toolName }) => `Run the tool ${toolName} and say what it gives`,
  "elicitation.requested": ({ message, elicitationSource: source }) =>
    source === undefined ? message : `${source} asks: ${message}`,
  "exit_plan_mode.requested": ({ summary }) => `Approve the plan: ${summary}`,
  "auto_mode_switch.requested": (_, summary) => `Let the runtime choose another model${summary && `: ${summary}`}`,
  "sampling.requested": ({ serverName }) => `${serverName} asks for a text of the model`,
};

/** The line of an entry. */
export function lineOf(entry: Pick<Entry, "kind" | "data">): string {
  const line: Line | undefined = lines[entry.kind];
  const summary = summaryOf(entry);
  return (line?.(entry.data, summary) ?? summary) || rowOf(entry.kind).title;
}
