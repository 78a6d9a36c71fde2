/** Answers the request in a JSON file. It never saw the session, nor the process that made it. */
import { readFile } from "node:fs/promises";
import { handlePendingRequest, parsePendingRequest } from "latchkey/pending";
import { connect } from "latchkey/rpc";
import * as v from "valibot";
import { given, say } from "../support/world/program.js";
import { obtainToken, tokenAnswer } from "../support/world.js";

const { endpoint, token, path } = given(v.object({ endpoint: v.string(), token: v.string(), path: v.string() }));

const request = parsePendingRequest(await readFile(path, "utf8"));
if (request.kind !== "mcp.oauth_required") throw new Error(`no OAuth request: ${request.kind}`);
const answer = tokenAnswer(await obtainToken(request.data));
const rpc = await connect(endpoint, { token });
const { accepted } = await handlePendingRequest(rpc, request, answer);
await say({ type: "answered", requestId: request.requestId, accepted });
await rpc.close();
