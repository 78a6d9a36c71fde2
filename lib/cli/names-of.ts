import type { State } from "../ledger/index.js";
import type { KindName } from "../pending/index.js";

/** Names for options and completion, known without loading the rooms. The types see to it that none is missing. */
const kinds: Record<KindName, true> = {
  "mcp.oauth_required": true,
  "mcp.headers_refresh_required": true,
  "permission.requested": true,
  "external_tool.requested": true,
  "elicitation.requested": true,
  "user_input.requested": true,
  "exit_plan_mode.requested": true,
  "sampling.requested": true,
  "auto_mode_switch.requested": true,
  "session_limits_exhausted.requested": true,
  "command.execute": true,
  "command.queued": true,
};
const states: Record<State, true> = {
  open: true,
  answered: true,
  sent: true,
  settled: true,
  lost: true,
  superseded: true,
  expired: true,
  cancelled: true,
};

const namesOf = <T extends string>(all: Record<T, true>, is: (name: string) => name is T): T[] =>
  Object.keys(all).filter(is);

export const kindNames = namesOf(kinds, (name): name is KindName => Object.hasOwn(kinds, name));
export const stateNames = namesOf(states, (name): name is State => Object.hasOwn(states, name));
