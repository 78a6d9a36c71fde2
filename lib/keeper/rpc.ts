import type { Rpc } from "../rpc/index.js";

/** What a recorder and a deliverer need of an `Rpc`. */
export type LedgerRpc = Pick<Rpc, "endpoint" | "events" | "session" | "closed">;
