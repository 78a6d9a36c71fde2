/** What other rooms read the event log with. */
export { isReloaded, trackLoad } from "./log/load.js";
export { readPage, readPages } from "./log/page.js";
export { readLog } from "./log/read.js";
