import type { Ledger } from "../../ledger/index.js";
import type { Rpc } from "../../rpc/index.js";
import { explainShort } from "../exit.js";
import { type Io, oneLine } from "../io.js";
import { reachRuntime } from "../reach.js";
import type { Shown } from "./shown.js";

/** What the REPL works with. The runtime may come and go; the ledger stays. */
export interface ReplState {
  readonly ledger: Ledger;
  readonly io: Io;
  readonly shown: Shown;
  rpc: Rpc | undefined;
  /** Prints a message between the lines that are typed. */
  say: (text: string) => void;
}

/** Connects, and says what came of it in a few words. When the runtime goes away, that is said once. */
export async function connectRuntime(state: ReplState, endpoint: string | undefined): Promise<string> {
  try {
    const rpc = await reachRuntime(endpoint, { signal: state.io.signal });
    await state.rpc?.close();
    state.rpc = rpc;
    void rpc.closed.then(({ code, message }) => {
      if (state.rpc !== rpc || code === "ENDED") return;
      state.rpc = undefined;
      // Calls that it ended say the same, and have the first word.
      setImmediate(() => {
        if (state.shown.isNews(message)) state.say(`the runtime is gone: ${oneLine(message)}`);
      });
    });
    state.shown.forget();
    return oneLine(`runtime ${rpc.hello.version} at ${rpc.endpoint}`);
  } catch (error) {
    return oneLine(explainShort(error));
  }
}
