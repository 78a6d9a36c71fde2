import type * as v from "valibot";
import type { EventType } from "../../protocol/index.js";
import { autoModeSwitch } from "./auto-mode-switch.js";
import { commandExecute } from "./command-execute.js";
import { commandQueued } from "./command-queued.js";
import { elicitation } from "./elicitation.js";
import { exitPlanMode } from "./exit-plan-mode.js";
import { externalTool } from "./external-tool.js";
import type { Kind } from "./kind.js";
import { mcpHeaders } from "./mcp-headers.js";
import { mcpOauth } from "./mcp-oauth.js";
import { permission } from "./permission.js";
import { sampling } from "./sampling.js";
import { sessionLimits } from "./session-limits.js";
import { userInput } from "./user-input.js";

/**
 * The table of pending kinds, by the event that asks. Other code asks the row of a kind, and does not switch over the names of kinds.
 * A new kind is a file here and its line below; the compiler says what its row lacks.
 */
export const kinds = {
  "mcp.oauth_required": mcpOauth,
  "mcp.headers_refresh_required": mcpHeaders,
  "permission.requested": permission,
  "external_tool.requested": externalTool,
  "elicitation.requested": elicitation,
  "user_input.requested": userInput,
  "exit_plan_mode.requested": exitPlanMode,
  "sampling.requested": sampling,
  "auto_mode_switch.requested": autoModeSwitch,
  "session_limits_exhausted.requested": sessionLimits,
  "command.execute": commandExecute,
  "command.queued": commandQueued,
} as const satisfies { readonly [E in EventType]?: { readonly event: E } };

export type Kinds = typeof kinds;
/** The name of a kind: the type of the event that asks. */
export type KindName = keyof Kinds;
/** A kind's data as it may be seen. */
export type DataOf<K extends KindName> = v.InferOutput<Kinds[K]["open"]>;
/** A kind's secret fields, nested as in the event. */
export type SecretsOf<K extends KindName> = v.InferOutput<Kinds[K]["secrets"]>;
/** What answers a kind. */
export type AnswerOf<K extends KindName> = v.InferOutput<Kinds[K]["answer"]>;

/** Whether an event type is that of a kind. */
export const isKind = (name: string): name is KindName => Object.hasOwn(kinds, name);

export const kindNames: readonly KindName[] = Object.keys(kinds).filter(isKind);

/** A kind's row with its types widened, for code that treats all kinds alike. */
export const rowOf = (name: KindName): Kind => kinds[name];
