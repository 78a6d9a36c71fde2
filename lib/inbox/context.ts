import type { HttpBindings } from "@hono/node-server";
import type { Context } from "hono";
import type { Ledger } from "../ledger/index.js";
import type { Desk } from "./desk.js";
import type { Limiter } from "./limiter.js";
import type { Settings } from "./options.js";
import type { Session, Sessions } from "./sessions.js";

/** What the routes work with. */
export interface Office {
  readonly ledger: Ledger;
  readonly settings: Settings;
  /** `http://127.0.0.1:8719`, without a slash at the end. */
  readonly origin: string;
  readonly sessions: Sessions;
  readonly desk: Desk;
  readonly guesses: Limiter;
}

/** Who asks for a page. */
export interface Visitor {
  readonly session: Session;
  /** Where the pages of an entry are: `/entries`, and for holders of tickets `/t/entry`. */
  readonly base: "/entries" | "/t/entry";
  /** In their own words, for claims and receipts. */
  readonly name: string;
  /** Whom the pages are for; undefined for everybody, or where a ticket is all there is. */
  readonly principal: string | undefined;
}

/** What a request brings and what the guards found out about it. */
export interface Env {
  Bindings: HttpBindings;
  Variables: { visitor?: Visitor };
}

export type Ask = Context<Env>;
