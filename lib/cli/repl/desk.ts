import type { Ledger } from "../../ledger/index.js";
import type { Rpc } from "../../rpc/index.js";
import type { Io } from "../io.js";
import type { Shown } from "./shown.js";

/** What the REPL works with. The runtime may come and go; the ledger stays. */
export interface Desk {
  readonly ledger: Ledger;
  readonly io: Io;
  readonly shown: Shown;
  rpc: Rpc | undefined;
}
