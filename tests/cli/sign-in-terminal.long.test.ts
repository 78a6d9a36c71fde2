/** `latchkey broker --oauth` at a real terminal: killed in between, and ended by another process. */
import { join } from "node:path";
import { type Ledger, openLedger } from "latchkey/ledger";
import { pendingRequest } from "latchkey/pending";
import * as assert from "uvu/assert";
import { openPlace, type Place } from "../support/commands.js";
import { Browser, type RunningProvider, startProvider } from "../support/oauth/provider.js";
import { suite } from "../support/suite.js";
import { hasTmux, openScreen, type Screen } from "../support/tmux.js";

const suited = suite("signing in at a terminal", { timeoutMs: 90_000 });
const test = hasTmux ? suited : (name: string): void => suited.skip(name, "there is no tmux");
let provider: RunningProvider;
let place: Place;
let ledger: Ledger;
let screen: Screen;
let made = 0;

suited.before(async () => {
  provider = await startProvider();
});
suited.after(async () => provider[Symbol.asyncDispose]());
suited.before.each(async () => {
  provider.asked.length = 0;
  place = await openPlace();
  ledger = await openLedger(join(place.state, "ledger.db"));
  // Wide enough for a URL on one line.
  screen = await openScreen({ env: { ...place.env, BROWSER: "false" }, cwd: place.dir, columns: 1600 });
});
suited.after.each(async () => {
  await screen[Symbol.asyncDispose]();
  await ledger.close();
  await place[Symbol.asyncDispose]();
});

const ask = (sessionId = "s-1") =>
  ledger.record(
    pendingRequest(
      {
        type: "mcp.oauth_required",
        data: {
          ...{ requestId: `request-${++made}`, serverName: "notes", serverUrl: provider.serverUrl, reason: "initial" },
          wwwAuthenticateParams: { scope: "openid read" },
        },
      },
      { sessionId, principal: "ada" },
    ),
  );
async function accessToken(id: string): Promise<string> {
  const answer = (await ledger.deliver(id, { owner: "test" }))?.answer;
  return typeof answer === "object" && "accessToken" in answer ? answer.accessToken : "";
}
const enter = (line: string): void => {
  screen.type(line);
  screen.press("Enter");
};
const count = (what: string): number => provider.asked.filter((asked) => asked === what).length;

/** Starts a command, and says its process id: the shell becomes the command. */
async function start(line: string): Promise<number> {
  enter(`clear; sh -c 'echo "pid $$"; exec ${line}'`);
  const shown = await screen.until(/^pid \d+$/m);
  return Number(/^pid (\d+)$/m.exec(shown)?.[1]);
}
async function kill(pid: number): Promise<void> {
  process.kill(pid, "SIGKILL");
  await screen.until(/Killed/);
}
const found = (shown: string, pattern: RegExp): string => pattern.exec(shown)?.[1] ?? "";

test("--device: the code is shown, the broker is killed, and the next one goes on with the same code", async () => {
  const { id } = await ask();
  const pid = await start("latchkey broker --oauth --device --lease 2");
  const first = await screen.until(/ code .*\/device\?user_code=\S+/);
  const link = found(first, /(http:\S+\?user_code=\S+)/);
  await kill(pid);
  enter("clear; latchkey broker --oauth --device --once; echo code $?");
  assert.is(found(await screen.until(/ code .*\/device\?user_code=\S+/), /(http:\S+\?user_code=\S+)/), link);
  await new Browser().enter(link);
  const shown = await screen.until(/^code 0$/m, 30_000);
  assert.match(shown, /answered .*signed-in {2}ada@example\.org/);
  const token = await accessToken(id);
  assert.ok(token.length > 20);
  assert.not.ok((first + shown).includes(token), "the token was shown");
  assert.is(count("POST /device/auth"), 1);
});

test("--paste: the broker is killed while the person signs in, and finish ends it", async () => {
  const { id } = await ask();
  const second = await ask("s-2");
  const pid = await start("latchkey broker --oauth --paste --lease 2");
  const shown = await screen.until(/Paste the address that the browser ended on: *$/);
  const back = await new Browser().signIn(found(shown, /(http:\S+client_id=\S+)/));
  await kill(pid);
  enter("clear; latchkey finish; echo code $?");
  await screen.until(/Address: *$/);
  enter(back);
  const ended = await screen.until(/^code 0$/m, 30_000);
  assert.match(ended, new RegExp(`${id.slice(0, 8)} answered {2}as ada@example\\.org`));
  assert.ok((await accessToken(id)).length > 20);
  assert.is((await ledger.get(second.id))?.state, "answered", "one sign-in serves all sessions");
  assert.is(count("POST /token"), 1);
});

test("--paste: the address is pasted at the prompt, and Ctrl-C gives the claim back", async () => {
  const { id } = await ask();
  enter("clear; latchkey broker --oauth --paste; echo code $?");
  await screen.until(/Paste the address.*: *$/);
  screen.press("C-c");
  await screen.until(/^code 130$/m);
  const claim = await ledger.claim({ id }, { owner: "the next" });
  assert.ok(claim, "the claim was kept");
  await claim.release();
  enter("clear; latchkey broker --oauth --paste --once; echo code $?");
  const shown = await screen.until(/Paste the address.*: *$/);
  enter("http://127.0.0.1/callback?code=c&state=other");
  await screen.until(/ignored .*\nPaste the address.*: *$/);
  enter(await new Browser().signIn(found(shown, /(http:\S+client_id=\S+)/)));
  await screen.until(/^code 0$/m);
  assert.ok((await accessToken(id)).length > 20);
});
