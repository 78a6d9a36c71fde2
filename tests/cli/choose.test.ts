/** What a person at a terminal is asked, and which answer each key is. The terminal is two streams. */
import { PassThrough } from "node:stream";
import { type Entry, openLedger } from "latchkey/ledger";
import { pendingRequest } from "latchkey/pending";
import * as assert from "uvu/assert";
import { chooseAnswer } from "../../lib/cli/choose.js";
import { rejects, suite } from "../support/suite.js";

const test = suite("answers that a person chooses");

async function entryOf(type: string, data: Record<string, unknown>): Promise<Entry> {
  await using ledger = await openLedger(":memory:", { key: new Uint8Array(32) });
  const event = { type, data: { requestId: "r-1", ...data } };
  return await ledger.record(pendingRequest(event, { sessionId: "s-1", principal: "ada" }));
}

const permission = () =>
  entryOf("permission.requested", {
    permissionRequest: { kind: "shell", fullCommandText: "rm -rf\u001b[2J build", intention: "tidy \u202eup" },
  });
const oauth = () =>
  entryOf("mcp.oauth_required", { serverName: "notes", serverUrl: "http://127.0.0.1:9/mcp", reason: "initial" });

/** Types a line whenever the terminal asks for one. */
function atTerminal(entry: Entry, lines: string[], stopped = new AbortController(), over = stopped) {
  const [input, output] = [new PassThrough(), new PassThrough()];
  let shown = "";
  output.setEncoding("utf8").on("data", (text: string) => {
    shown += text;
    if (!/(\]|\(not shown\)|empty\)|Answer|Result): $/.test(shown)) return;
    const line = lines.shift();
    shown += "\n";
    if (line === undefined) stopped.abort(new Error("stopped"));
    else setImmediate(() => input.write(`${line}\r`));
  });
  const io = {
    in: Object.assign(input, { isTTY: true }),
    err: Object.assign(output, { isTTY: false }),
    out: Object.assign(output, { isTTY: false }),
    signal: stopped.signal,
  };
  // The members of a terminal that are used.
  const choosing = chooseAnswer({ entry, options: {}, io: io as never, signal: over.signal });
  return { choosing, shown: () => shown };
}

const chosen = async (entry: Entry, ...lines: string[]) => await atTerminal(entry, lines).choosing;

test("y, s and n are what the kind's row says, with a reason where it takes one", async () => {
  const entry = await permission();
  assert.equal(await chosen(entry, "y"), { kind: "approve-once" });
  assert.equal(await chosen(entry, "S"), { kind: "approve-for-session" });
  assert.equal(await chosen(entry, "n", "not on a Friday"), { kind: "reject", feedback: "not on a Friday" });
  assert.equal(await chosen(entry, "no", ""), { kind: "reject" });
});

test("shows the request and the answers themselves, without a stranger's hidden characters", async () => {
  const { choosing, shown } = atTerminal(await permission(), ["what?", "", "?", "y"]);
  await choosing;
  assert.match(shown(), /what +shell rm -rf\\u001b\[2J build\nmodel says +tidy \\u202eup\n/);
  assert.match(shown(), /^ {2}y {2}\{"kind":"approve-once"\}$/m);
  assert.match(shown(), /^ {2}n {2}\{"kind":"reject"\}$/m);
  assert.match(shown(), /^data\n {2}\{/m);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there.
  assert.not.match(shown().replaceAll(/\u001b\[\d*[GJKC]/g, ""), /[\u001b\u202e]/);
});

test("a token is asked for at once and is not shown; an empty line leads to no and to JSON", async () => {
  const entry = await oauth();
  const typing = atTerminal(entry, ["typed-token"]);
  assert.equal(await typing.choosing, { kind: "token", accessToken: "typed-token" });
  assert.not.match(typing.shown(), /typed-token/);
  assert.equal(await chosen(entry, "", "n"), { kind: "cancelled" });
  assert.equal(await chosen(entry, "two words", "t", "typed-token"), { kind: "token", accessToken: "typed-token" });
  const tool = await entryOf("external_tool.requested", { toolCallId: "t-1", toolName: "weather" });
  assert.equal(await chosen(tool, "sunny"), { result: "sunny" });
});

test("e opens the answer in an editor; what does not fit is told and can be mended", async () => {
  const asked = await entryOf("elicitation.requested", { message: "Which colour?" });
  const before = { VISUAL: process.env.VISUAL, EDITOR: process.env.EDITOR };
  try {
    delete process.env.VISUAL;
    process.env.EDITOR = `f() { sed 's/"accept"/"accept","content":{"colour":"red"}/' "$1" > "$1.new"; mv "$1.new" "$1"; }; f`;
    assert.equal(await chosen(asked, "e"), { action: "accept", content: { colour: "red" } });
    process.env.EDITOR = `f() { echo '{"action":"perhaps-secret"}' > "$1"; }; f`;
    const typing = atTerminal(asked, ["e", "n"]);
    assert.equal(await typing.choosing, { action: "decline" });
    assert.match(typing.shown(), /action/);
    assert.not.match(typing.shown(), /perhaps-secret/);
    process.env.EDITOR = "false";
    await rejects(chosen(asked, "e"), { message: /editor ended with 1; nothing was answered/ });
  } finally {
    for (const [name, value] of Object.entries(before))
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
  }
});

test("ends without an answer when it is stopped, and with the reason when the work is over meanwhile", async () => {
  const entry = await permission();
  await rejects(chosen(entry, "x"), { message: /nothing was answered/ });
  const over = new AbortController();
  const typing = atTerminal(entry, ["x"], new AbortController(), over);
  over.abort(new Error("nobody waits"));
  await rejects(typing.choosing, { message: /nobody waits/ });
});
