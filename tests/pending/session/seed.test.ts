/** What an answer is put in for before the runtime asks: the server, the client and the principal that it is for, and nothing else. */
import { type Ledger, openLedger } from "latchkey/ledger";
import { pendingRequest, type ResumeLedger, resume } from "latchkey/pending";
import * as assert from "uvu/assert";
import { memoryPair, trapStrayRejections } from "../../support/pair.js";
import { rejects, suite } from "../../support/suite.js";

const test = suite("answers given with a resume");
trapStrayRejections(test);
let ledger: Ledger;
test.before.each(async () => {
  ledger = await openLedger(":memory:", { key: Buffer.alloc(32, 7) });
});
test.after.each(() => ledger.close());

const serverUrl = "https://notes.example/mcp?tenant=1";
interface Asked {
  principal?: string | undefined;
  clientId?: string;
}

async function answered({ clientId, ...asked }: Asked = {}): Promise<void> {
  const data = {
    ...{ requestId: `r${Math.random()}`, serverName: "notes", serverUrl, reason: "initial" },
    ...(clientId === undefined ? {} : { staticClientConfig: { clientId } }),
  };
  const principal = "principal" in asked ? asked.principal : "ada";
  const { id } = await ledger.record(
    pendingRequest({ type: "mcp.oauth_required", data } as const, { sessionId: "s1", principal }),
  );
  await ledger.answer(id, { kind: "token", accessToken: `for-${principal}` });
}

const tools: string[] = [];
const http = (url: string, more: object = {}) => ({ type: "http" as const, url, tools, ...more });

/** The servers that the runtime is sent, when the session is not loaded there. */
async function sent(
  mcpServers: Record<string, object>,
  { principal = "ada", from = ledger }: { principal?: string | undefined; from?: ResumeLedger } = {},
): Promise<Record<string, { headers?: Record<string, string> }>> {
  const { rpc, peer } = await memoryPair();
  const params = { sessionId: "s1", mcpServers: mcpServers as Record<string, ReturnType<typeof http>> };
  const resuming = resume(rpc, params, { ledger: from, principal: principal === "nobody" ? undefined : principal });
  const failed = rejects(resuming);
  peer.refuse(await peer.next("session.eventLog.read"), { code: -32603, message: "Session not found: s1" });
  const call = await peer.next("session.resume");
  await rpc.close();
  await failed;
  return Object(call.params?.mcpServers);
}
const header = async (...args: Parameters<typeof sent>): Promise<string | undefined> =>
  (await sent(...args)).notes?.headers?.Authorization;

test("goes to the server that it was obtained for, however its URL is written", async () => {
  await answered();
  for (const url of [serverUrl, "HTTPS://Notes.Example:443/mcp?tenant=1#top"])
    assert.is(await header({ notes: http(url) }), "Bearer for-ada", url);
});

test("goes to no other server of the same name", async () => {
  await answered();
  for (const url of [
    ...["https://notes.example/mcp", "https://notes.example/mcp?tenant=2", "https://notes.example/other?tenant=1"],
    ...[
      "http://notes.example/mcp?tenant=1",
      "https://evil.example/mcp?tenant=1",
      "https://notes.example:444/mcp?tenant=1",
    ],
  ])
    assert.is(await header({ notes: http(url) }), undefined, url);
  const local = { type: "stdio", command: "x", args: [], tools: [] };
  assert.equal((await sent({ notes: local })).notes, local);
  assert.is((await sent({ other: http(serverUrl) })).other?.headers, undefined);
});

test("goes to the client that it was issued to", async () => {
  await answered({ clientId: "c-1" });
  assert.is(await header({ notes: http(serverUrl, { oauthClientId: "c-1" }) }), "Bearer for-ada");
  assert.is(await header({ notes: http(serverUrl) }), "Bearer for-ada", "the host names no client");
  assert.is(await header({ notes: http(serverUrl, { oauthClientId: "c-2" }) }), undefined);
});

test("goes to no client where it was issued to none that is named", async () => {
  await answered();
  assert.is(await header({ notes: http(serverUrl, { oauthClientId: "c-2" }) }), undefined);
});

test("replaces no header of the host's own", async () => {
  await answered();
  const own = { authorization: "Bearer own", "X-Any": "1" };
  assert.equal((await sent({ notes: http(serverUrl, { headers: own }) })).notes?.headers, own);
  const { notes } = await sent({ notes: http(serverUrl, { headers: { "X-Any": "1" } }) });
  assert.equal(notes?.headers, { "X-Any": "1", Authorization: "Bearer for-ada" });
});

test("is used on behalf of its principal alone", async () => {
  for (const principal of ["ada", "bob", undefined]) await answered({ principal });
  assert.is(await header({ notes: http(serverUrl) }, { principal: "bob" }), "Bearer for-bob");
  assert.is(await header({ notes: http(serverUrl) }, { principal: "eve" }), undefined);
  assert.is(await header({ notes: http(serverUrl) }, { principal: "nobody" }), "Bearer for-undefined");
});

test("is used on behalf of its principal alone, though a ledger gives more than it was asked for", async () => {
  await answered({ principal: "bob" });
  const from: ResumeLedger = {
    seeds: () => ledger.seeds("s1"),
    lost: (...args) => ledger.lost(...args),
    record: (request) => ledger.record(request),
    giveAgain: (...args) => ledger.giveAgain(...args),
  };
  assert.is(await header({ notes: http(serverUrl) }, { principal: "bob", from }), "Bearer for-bob");
  for (const principal of ["ada", "nobody"])
    assert.is(await header({ notes: http(serverUrl) }, { principal, from }), undefined, principal);
});

test("a principal that is none is a TypeError before anything is asked", async () => {
  const { rpc, peer } = await memoryPair();
  const before = peer.received.length;
  for (const principal of ["", " ", null, 5])
    await rejects(Reflect.apply(resume, undefined, [rpc, { sessionId: "s1" }, { ledger, principal }]), {
      type: TypeError,
    });
  assert.is(peer.received.length, before);
  await rpc.close();
});
