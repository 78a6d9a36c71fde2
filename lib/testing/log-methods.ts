/** Methods about the event log, and interest in events. */
import type { Call, Handlers } from "./call.js";
import { shownBy } from "./log.js";
import { registerInterest } from "./servers.js";

const longestWaitMs = 30_000;

/** `eventLog.read`: with `waitMs` it waits for an event where there is none. */
function read({ session, params }: Call): unknown {
  const page = session.log.read(params);
  const waitMs = typeof params.waitMs === "number" ? Math.min(params.waitMs, longestWaitMs) : 0;
  if (page.events.length > 0 || page.hasMore || !(waitMs > 0) || params.direction === "backward") return page;
  const { clock, traits } = session.around;
  const shown = shownBy(params);
  return new Promise((resolve) => {
    let unhear: () => void = () => undefined;
    const finish = (): void => {
      undo();
      unhear();
      resolve(session.log.read({ ...params, cursor: params.cursor ?? page.cursor }));
    };
    const undo = clock.after(waitMs, finish);
    const listen = (): void => {
      unhear = session.log.next((event) => {
        if (traits.anyEventEndsPoll || shown(event)) finish();
        else listen();
      });
    };
    listen();
  });
}

export const logMethods: Handlers = {
  "eventLog.read": read,
  "eventLog.tail": ({ session }) => ({ cursor: session.log.tail() }),
  "eventLog.registerInterest": ({ session, params }) => ({
    handle: registerInterest(session, String(params.eventType ?? "")),
  }),
  "eventLog.releaseInterest": ({ session, params }) => {
    session.interests.delete(String(params.handle));
    return { success: true };
  },
};
