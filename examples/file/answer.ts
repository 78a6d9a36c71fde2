import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { connect, handlePendingRequest, parsePendingRequest } from "latchkey";

const { ENDPOINT = "", TOKEN } = process.env;
const stored = JSON.parse(await readFile(process.argv[2] ?? "", "utf8"));
const request = parsePendingRequest(stored.request, { secrets: stored.secrets });
const rpc = await connect(ENDPOINT, { token: TOKEN });
const accessToken = (await text(process.stdin)).trim();
const { accepted } = await handlePendingRequest(rpc, request, { kind: "token", accessToken });
console.log(accepted ? "answered" : "nobody waits for this any more");
await rpc.close();
