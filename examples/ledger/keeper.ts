import { connect } from "latchkey";
import { keep } from "latchkey/keeper";
import { openLedger } from "latchkey/ledger";

const { ENDPOINT = "", TOKEN } = process.env;
const rpc = await connect(ENDPOINT, { token: TOKEN });
const ledger = await openLedger("ledger.db");
const keeping = keep(rpc, ledger);
keeping.events.on("held", ({ sessionId }) => console.log(`holding ${sessionId}`));
keeping.events.on("error", ({ error }) => console.error(error));
console.log(`keeping new sessions at ${rpc.endpoint}`);
await keeping.closed;
