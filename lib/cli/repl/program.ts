/** What `.help` says. */
export const helpText = `pending()            what waits; pending({ kind: "mcp.oauth_required" }) and other filters of ledger.list
show(id)             one entry; the beginning of an id is enough; receipts(id) what happened to it
answer(id)           asks for the answer, secrets without echo; answer(id, { kind: "approve-once" }) gives it
cancel(id, options)  takes it off the list: { reason: "..." }
hold(id)             keeps a session loaded while this REPL is here
session(id)          a session: .request("mcp.list"), .events.on("*", console.log)
rpc, events, ledger  the connection, its events, the ledger; Tab completes methods, event types and ids
.program prints the same names for a program   .connect [endpoint] another runtime   .exit`;

/** The same names in a program: what was typed here can be pasted below these lines. */
export function program(endpoint: string | undefined, location: string): string {
  return `import { openLedger } from "latchkey/ledger";
import * as sessions from "latchkey/pending";
import { connect } from "latchkey/rpc";

const ledger = await openLedger(process.env.LATCHKEY_LEDGER ?? ${JSON.stringify(location)});
const rpc = await connect(process.env.LATCHKEY_ENDPOINT ?? ${JSON.stringify(endpoint ?? "tcp://127.0.0.1:0")}, {
  token: process.env.COPILOT_CONNECTION_TOKEN,
});
const { events } = rpc;
const session = (id) => rpc.session(id);
const pending = (filter) => ledger.list({ state: ["open", "answered", "sent", "lost"], ...filter });
const show = (id) => ledger.get(id);
const receipts = (id) => ledger.receipts(id);
const answer = (id, answer, options) => ledger.answer(id, answer, options);
const cancel = (id, options) => ledger.cancel(id, options);
const hold = (id, options) => sessions.hold(rpc, id, options);`;
}
