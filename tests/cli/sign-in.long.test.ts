/** `latchkey broker --oauth`, `finish` and `grants`, against a certified authorization server. A person is a browser without a screen. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Entry, type Ledger, openLedger } from "latchkey/ledger";
import { pendingRequest } from "latchkey/pending";
import * as assert from "uvu/assert";
import { type Ran, type Running, runLatchkey, startCommand } from "../support/command-line.js";
import { Browser, type RunningProvider, startProvider } from "../support/oauth/provider.js";
import { suite } from "../support/suite.js";

const test = suite("latchkey broker --oauth");
let provider: RunningProvider;
let folder: string;
let file: string;
let ledger: Ledger;
let made = 0;

test.before(async () => {
  const machine = { grant_types: ["client_credentials"], redirect_uris: [], response_types: [] };
  provider = await startProvider({
    clients: [{ client_id: "machine", client_secret: "hidden-secret", ...machine }],
  });
});
test.after(async () => {
  await provider[Symbol.asyncDispose]();
});
test.before.each(async () => {
  folder = await mkdtemp(join(tmpdir(), "latchkey-sign-in-"));
  file = join(folder, "ledger.db");
  ledger = await openLedger(file);
  provider.asked.length = 0;
});
test.after.each(async () => {
  await ledger.close();
  await rm(folder, { recursive: true });
});

interface Asking {
  sessionId?: string;
  principal?: string | undefined;
  scope?: string;
  reason?: string;
}
const ask = ({
  sessionId = "s-1",
  principal = "ada",
  scope = "openid read",
  reason = "initial",
}: Asking = {}): Promise<Entry> =>
  ledger.record(
    pendingRequest(
      {
        type: "mcp.oauth_required",
        data: {
          ...{ requestId: `request-${++made}`, serverName: "notes", serverUrl: provider.serverUrl, reason },
          wwwAuthenticateParams: { scope },
        },
      },
      { sessionId, principal },
    ),
  );
/** The answer that is kept for an entry, as a deliverer gives it; the runtime takes it. */
async function deliver({ id }: Entry): Promise<unknown> {
  const delivery = await ledger.deliver(id, { owner: "test" });
  await delivery?.settle({ accepted: true });
  return delivery?.answer;
}
const state = async ({ id }: Entry): Promise<string | undefined> => (await ledger.get(id))?.state;
const at = (): string[] => ["--ledger", file];
const broker = (...args: string[]): Running => startCommand(["broker", "--oauth", "--json", ...at(), ...args]);
const latchkey = (name: string, ...args: string[]): Promise<Ran> => runLatchkey([...name.split(" "), ...at(), ...args]);
/** A port that the tests of other files do not use either. */
const anyPort = ["--port", "0"];
const count = (what: string): number => provider.asked.filter((asked) => asked === what).length;
const tokenOf = (answer: unknown): string =>
  typeof answer === "object" && answer !== null && "accessToken" in answer ? String(answer.accessToken) : "";

async function signIn(principal = "ada", scope = "openid read"): Promise<Entry> {
  const entry = await ask({ principal, scope });
  await using running = broker("--paste", "--once", "--principal", principal);
  running.input.write(`${await new Browser().signIn(String((await running.next("open")).url))}\n`);
  await running.next("answered");
  return entry;
}

test("--browser opens the browser, prints the URL too, and one sign-in serves all sessions of the principal", async () => {
  const opened = join(folder, "opened");
  await writeFile(join(folder, "open"), `#!/bin/sh\nprintf %s "$1" > ${opened}.new; mv ${opened}.new ${opened}\n`, {
    mode: 0o755,
  });
  const before = process.env.BROWSER;
  process.env.BROWSER = join(folder, "open");
  try {
    const [first, second] = [await ask({ sessionId: "s-1" }), await ask({ sessionId: "s-2" })];
    await using running = broker("--browser", "--once", ...anyPort);
    const { url, id } = await running.next("open");
    assert.is(id, first.id);
    const back = await new Browser().signIn(String(url));
    assert.is((await fetch(`${new URL(back).origin}/callback?code=stray&state=other`)).status, 200);
    await running.next("ignored");
    assert.is((await fetch(back)).status, 200);
    const answered = await running.next("answered");
    assert.equal([answered.how, answered.account, answered.sessions], ["signed-in", "ada@example.org", 2]);
    assert.is(await running.ended, 0);
    assert.is(await fileOf(opened), url);
    assert.is(count("POST /token"), 1);
    assert.equal([await state(first), await state(second)], ["answered", "answered"]);
    assert.is((await ledger.receipts(first.id)).at(-1)?.actor, "person");
    assert.is(tokenOf(await deliver(first)), tokenOf(await deliver(second)));
  } finally {
    if (before === undefined) delete process.env.BROWSER;
    else process.env.BROWSER = before;
  }
});

/** What another process writes. */
async function fileOf(path: string): Promise<string> {
  for (const end = performance.now() + 10_000; performance.now() < end; ) {
    const text = await readFile(path, "utf8").catch(() => undefined);
    if (text !== undefined) return text;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`no ${path}`);
}

test("--device goes on after a restart with the code that was shown", async () => {
  const entry = await ask();
  const first = broker("--device");
  const shown = await first.next("code");
  assert.match(String(shown.url), /\/device$/);
  await first.stop();
  await using second = broker("--device");
  assert.is((await second.next("code")).userCode, shown.userCode);
  await new Browser().enter(String(shown.link));
  await second.next("answered");
  assert.is(await second.stop(), 0);
  assert.ok(tokenOf(await deliver(entry)).length > 20);
  assert.is(count("POST /device/auth"), 1);
});

test("--paste takes the address that the browser ended on, and no other", async () => {
  const entry = await ask();
  await using running = broker("--paste", "--once");
  const back = await new Browser().signIn(String((await running.next("open")).url));
  for (const stray of [
    "what?",
    back.replace(/state=[^&]+/, "state=other"),
    back.replace(/iss=[^&]+/, "iss=https%3A%2F%2Fevil.example"),
  ]) {
    running.input.write(`${stray}\n`);
    await running.next("ignored");
  }
  assert.is(count("POST /token"), 0);
  running.input.write(`${back}\n`);
  await running.next("answered");
  assert.is(await running.stop(), 0);
  assert.ok(tokenOf(await deliver(entry)).length > 20);
});

test("finish ends what --paste began and left, from the address alone", async () => {
  const entry = await ask();
  const left = await latchkey("broker", "--oauth", "--paste", "--once", "--json");
  assert.is(left.code, 1);
  const [opened, last] = left.out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.equal([opened.did, last.did], ["open", "left"]);
  const back = await new Browser().signIn(opened.url);
  const finish = (url: string): Promise<Ran> => runLatchkey(["finish", ...at()], url);
  assert.is((await finish("http://127.0.0.1/callback?code=c")).code, 8);
  assert.is((await finish(back.replace(/state=[^&]+/, "state=other"))).code, 3);
  const stolen = await finish(back.replace(/iss=[^&]+/, "iss=https%3A%2F%2Fevil.example"));
  assert.is(stolen.code, 1);
  assert.match(stolen.err, /ISSUER_MISMATCH/);
  const done = await finish(back);
  assert.equal([done.code, done.out], [0, `${entry.id.slice(0, 8)} answered  as ada@example.org\n`], done.err);
  assert.ok(tokenOf(await deliver(entry)).length > 20);
  assert.is((await finish(back)).code, 3, "it was good once");
  assert.is(count("POST /token"), 1);
});

test("finish leaves to its browser what a browser at the inbox began", async () => {
  const entry = await ask();
  const left = await latchkey("broker", "--oauth", "--paste", "--once", "--json");
  const back = await new Browser().signIn(JSON.parse(left.out.split("\n")[0] ?? "").url);
  {
    await using claim = await ledger.claim({ id: entry.id }, { owner: "inbox" });
    const flow = JSON.parse(JSON.stringify(await claim?.stashed()));
    await claim?.stash({ ...flow, browser: "b-1" }, { tag: flow.state });
  }
  const { code, err } = await runLatchkey(["finish", ...at()], back);
  assert.is(code, 4);
  assert.match(err, /in that browser alone/);
  assert.is(count("POST /token"), 0);
});

test("finish does not disturb who is at work, and says who that is", async () => {
  await ask();
  await using running = broker("--paste", "--once", "--lease", "1", "--by", "somebody's desk");
  const back = await new Browser().signIn(String((await running.next("open")).url));
  const { code, err } = await latchkey("finish", back);
  assert.is(code, 4);
  assert.match(err, /somebody's desk.*paste it there/);
  running.input.write(`${back}\n`);
  await running.next("answered");
});

test("a no on the server's page is the answer, by whichever way it comes", async () => {
  const entry = await ask();
  await using running = broker("--paste", "--once");
  const url = new URL(String((await running.next("open")).url));
  const iss = encodeURIComponent(provider.issuer);
  const back = `${url.searchParams.get("redirect_uri")}?error=access_denied&state=${url.searchParams.get("state")}&iss=${iss}`;
  running.input.write(`${back}\n`);
  await running.next("declined");
  assert.equal(await deliver(entry), { kind: "cancelled" });
});

test("what is kept is refreshed without anybody, also while a person is waited for", async () => {
  const bobs = await signIn("bob", "read");
  const before = tokenOf(await deliver(bobs));
  await using running = broker("--device");
  await ask({ principal: "ada", sessionId: "s-2" });
  await running.next("code");
  const again = await ask({ principal: "bob", scope: "read", reason: "refresh" });
  const answered = await running.next("answered");
  assert.equal([answered.id, answered.how], [again.id, "refreshed"]);
  const after = tokenOf(await deliver(again));
  assert.ok(after.length > 20 && after !== before);
  assert.is((await ledger.receipts(again.id)).find((receipt) => receipt.state === "answered")?.actor, "automation");
  assert.is(provider.revoked.count, 0);
});

test("--no-person leaves what needs one to others, and registers no client for it", async () => {
  const entry = await ask();
  await using running = broker("--no-person");
  const left = await running.next("left");
  assert.equal([left.id, left.reason], [entry.id, "a person is needed: none"]);
  await using claim = await ledger.claim({ id: entry.id }, { owner: "the inbox", waitMs: 2000 });
  assert.ok(claim, "the claim was kept");
  assert.is(count("POST /reg"), 0);
});

test("a client is registered once for an authorization server", async () => {
  await signIn("ada");
  assert.is(count("POST /reg"), 1);
  await ask({ scope: "write" });
  await using running = broker("--paste", "--once");
  const wider = new URL(String((await running.next("open")).url)).searchParams;
  await ask({ principal: undefined, sessionId: "s-9" });
  assert.is(count("POST /reg"), 1);
  assert.equal(wider.get("scope")?.split(" ").sort(), ["offline_access", "openid", "read", "write"]);
  await running.stop();
  const fresh = await latchkey(
    "broker",
    "--oauth",
    "--paste",
    "--once",
    "--json",
    "--new-client",
    "--principal",
    "ada",
  );
  assert.is(JSON.parse(fresh.out.split("\n")[0] ?? "").did, "open");
});

test("a client that was registered for another redirect URI is not used", async () => {
  await signIn("ada");
  assert.is(count("POST /reg"), 1);
  await ask({ scope: "write" });
  await using running = broker("--paste", "--once", "--redirect-uri", "https://elsewhere.example/callback");
  const { searchParams } = new URL(String((await running.next("open")).url));
  assert.is(searchParams.get("redirect_uri"), "https://elsewhere.example/callback");
  assert.is(count("POST /reg"), 2);
});

test("a machine's token needs nobody, and its secret goes to no other authorization server", async () => {
  const secret = join(folder, "secret");
  await writeFile(secret, "hidden-secret\n");
  const client = ["--client-credentials", "--client-id", "machine", "--client-secret-file", secret];
  const run = (...more: string[]) =>
    latchkey("broker", "--oauth", "--no-person", "--once", "--json", ...client, ...more);
  const entry = await ask();
  assert.match((await run()).err, /--client-secret-file needs --issuer/);
  const other = await run("--issuer", "https://other.example");
  assert.equal([other.code, JSON.parse(other.out).did], [1, "refused"]);
  assert.match(JSON.parse(other.out).reason, /ISSUER_CHANGED/);
  assert.is(count("POST /token"), 0);
  const done = await run("--issuer", provider.issuer);
  assert.equal([done.code, JSON.parse(done.out).how], [0, "client-credentials"], done.out + done.err);
  assert.ok(tokenOf(await deliver(entry)).length > 20);
  for (const { out, err } of [other, done]) assert.not.match(out + err, /hidden-secret/);
});

test("grants lists who has signed in; forget revokes at the server, and here", async () => {
  await signIn("ada");
  const listed = await latchkey("grants");
  assert.match(listed.out, /^ID +STATE +SERVER +SCOPE +ACCOUNT +FOR +TOKEN +ISSUER\n/);
  const [kept] = (await latchkey("grants", "--json")).out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.equal([kept.state, kept.principal, kept.account], ["kept", "ada", "ada@example.org"]);
  assert.is((await latchkey("grants forget")).code, 2);
  assert.is((await latchkey("grants forget", "00000000")).code, 3);
  const gone = await latchkey("grants forget", kept.id.slice(0, 8));
  assert.equal(
    [gone.code, gone.out],
    [0, `${kept.id.slice(0, 8)} forgotten, and revoked at its authorization server\n`],
  );
  assert.is(count("POST /token/revocation"), 1);
  assert.is((await latchkey("grants")).out, "");
  assert.match((await latchkey("grants", "complete")).err, /operand/);
});

test("what cannot be revoked is kept, unless it is to be forgotten here alone", async () => {
  await signIn("ada");
  const [kept] = await ledger.grants();
  const id = kept?.id ?? "";
  {
    await using held = await ledger.holdGrant(id, { owner: "test" });
    const grant = JSON.parse(JSON.stringify(held.grant));
    await held.keep({ ...grant, server: { ...grant.server, revocation_endpoint: "http://127.0.0.1:9/revoke" } });
  }
  const failed = await latchkey("grants forget", id);
  assert.is(failed.code, 1);
  assert.match(failed.err, /is kept: .*UNREACHABLE.*--local/);
  assert.is((await ledger.grants())[0]?.state, "kept");
  const local = await latchkey("grants forget", id, "--local", "--json");
  assert.equal(JSON.parse(local.out), { id, revoked: false });
  assert.equal(await ledger.grants(), []);
  assert.is(count("POST /token/revocation"), 0);
});

test("a ticket answers its entry, and lives as long as it was made for", async () => {
  const entry = await ask();
  const made = await latchkey("ticket", entry.id, "--for", "1h", "--json");
  const { ticket, expiresAt } = JSON.parse(made.out);
  assert.ok(Math.abs(Date.parse(expiresAt) - Date.now() - 3_600_000) < 60_000);
  await using claim = await ledger.redeem(ticket, { owner: "test" });
  assert.is(claim.entry.id, entry.id);
  const link = await latchkey("ticket", entry.id.slice(0, 8), "--link", "https://inbox.example/box/");
  assert.match(link.out, /^https:\/\/inbox\.example\/box\/t\/[\w-]{43}\n$/);
  assert.is((await latchkey("ticket", entry.id, "--for", "soon")).code, 2);
  assert.is((await latchkey("ticket", entry.id, "--link", "javascript:alert(1)")).code, 2);
  assert.is((await latchkey("ticket", "00000000")).code, 3);
});

test("options that contradict each other are mistakes on the command line", async () => {
  for (const [said, ...args] of [
    [/--exec or --oauth/],
    [/--exec or --oauth/, "--oauth", "--browser", "--exec", "true"],
    [/one of --browser, --device, --paste and --no-person/, "--oauth"],
    [/one of --browser/, "--oauth", "--browser", "--device"],
    [/mcp\.oauth_required alone/, "--oauth", "--device", "--kind", "permission"],
    [/one sign-in at a time/, "--oauth", "--paste", "--jobs", "2"],
    [/go with --client-id/, "--oauth", "--device", "--issuer", "https://a.example"],
    [/not both/, "--oauth", "--device", "--client-id", "a", "--client-metadata-url", "https://a.example/c"],
    [/--redirect-uri goes with --paste/, "--oauth", "--browser", "--redirect-uri", "https://a.example/cb"],
    [/--port must be a port/, "--oauth", "--browser", "--port", "99999"],
    [/standard input is for addresses/, "--oauth", "--paste", "--client-id", "a", "--client-secret-file", "-"],
    [/cannot be read/, "--oauth", "--device", "--client-id", "a", "--client-key-file", "none"],
  ] as const) {
    const { code, err } = await latchkey("broker", ...args);
    assert.equal([code, said.test(err)], [2, true], `${args.join(" ")}: ${err}`);
  }
});
