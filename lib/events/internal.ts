/** What other rooms read the event log with. */
export { overrun, pageMax } from "./log/overrun.js";
export { isReloaded } from "./log/reload.js";
