import type { Ledger } from "../../ledger/index.js";
import type { Rpc } from "../../rpc/index.js";
import { explainShort } from "../exit.js";
import { type Io, oneLine } from "../io.js";
import { reachRuntime } from "../reach.js";
import type { Shown } from "./shown.js";

/** What the REPL works with. The runtime may come and go; the ledger stays. */
export interface Desk {
  readonly ledger: Ledger;
  readonly io: Io;
  readonly shown: Shown;
  rpc: Rpc | undefined;
  /** Says something that nobody asked for, between what is typed. */
  say: (text: string) => void;
}

/** Connects, and says what came of it in a few words. When the runtime goes away, that is said once. */
export async function connectDesk(desk: Desk, endpoint: string | undefined): Promise<string> {
  try {
    const rpc = await reachRuntime(endpoint, { signal: desk.io.signal });
    await desk.rpc?.close();
    desk.rpc = rpc;
    void rpc.closed.then(({ code, message }) => {
      if (desk.rpc !== rpc || code === "ENDED") return;
      desk.rpc = undefined;
      // Calls that it ended say the same, and have the first word.
      setImmediate(() => {
        if (desk.shown.isNews(message)) desk.say(`the runtime is gone: ${oneLine(message)}`);
      });
    });
    desk.shown.forget();
    return oneLine(`runtime ${rpc.hello.version} at ${rpc.endpoint}`);
  } catch (error) {
    return oneLine(explainShort(error));
  }
}
