import type { RequestOptions, SessionEvent, SessionRequester } from "../../protocol/index.js";
import { overrun } from "./overrun.js";
import { readPages } from "./page.js";

/** Shows every event that the log of the present load has, in order. `whole` when the log has let go of none; `cursor` is its end. */
export async function readLog(
  session: SessionRequester,
  see: (event: SessionEvent) => void,
  options: RequestOptions = {},
): Promise<{ whole: boolean; cursor: string }> {
  let cursor = "";
  let whole = true;
  for await (const { from, page } of readPages(session, options)) {
    for (const event of page.events) see(event);
    whole &&= (await overrun(session, { cursor: from, page, signal: options.signal })) === 0;
    cursor = page.cursor;
  }
  return { whole, cursor };
}
