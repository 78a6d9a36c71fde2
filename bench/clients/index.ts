import { openBare } from "./bare.js";
import type { Client, Place } from "./client.js";
import { openJsonRpc } from "./jsonrpc.js";
import { openLatchkey } from "./latchkey.js";
import { openSdk } from "./sdk.js";

/** The contestants, each in a process of its own. */
export const contestants = ["bare", "latchkey", "vscode-jsonrpc", "sdk"] as const;
export type Contestant = (typeof contestants)[number];

export const open: Record<Contestant, (place: Place, options: { nudge?: boolean }) => Promise<Client>> = {
  bare: openBare,
  latchkey: openLatchkey,
  "vscode-jsonrpc": openJsonRpc,
  sdk: openSdk,
};
