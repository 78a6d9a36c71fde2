/** The inbox: a web page of what waits, for people, from a ledger alone. */
export type { InboxOAuth, InboxOptions } from "./options.js";
export { type Inbox, serveInbox } from "./serve.js";
