/** `latchkey notify`: each need is told once, by a command or a webhook, and nothing is lost while that fails. */
import { createHmac, timingSafeEqual } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import type { IncomingHttpHeaders } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Ledger, openLedger } from "latchkey/ledger";
import * as assert from "uvu/assert";
import { runLatchkey, startCommand } from "../support/command-line.js";
import { raw } from "../support/ledger/raw.js";
import { oauthRequest, permissionRequest, token } from "../support/ledger/requests.js";
import { suite } from "../support/suite.js";
import { bodyOf, type Listening, listen } from "../support/world/http.js";

const test = suite("latchkey notify");
let folder: string;
let file: string;
let ledger: Ledger;

test.before.each(async () => {
  folder = await mkdtemp(join(tmpdir(), "latchkey-notify-"));
  file = join(folder, "ledger.db");
  ledger = await openLedger(file);
});
test.after.each(async () => {
  await ledger.close();
  await rm(folder, { recursive: true });
});

const args = (...more: string[]): string[] => ["notify", "--json", "--ledger", file, ...more];
const once = (...more: string[]) => runLatchkey(args("--once", ...more));
const inFolder = (name: string): string => join(folder, name);
/** A command that keeps what it is given, a line for each run. */
const keep = (): string => `cat >> ${inFolder("told")}`;
async function told(): Promise<Record<string, unknown>[]> {
  const text = await readFile(inFolder("told"), "utf8").catch(() => "");
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

test("gives a command the request without its secrets, once for each need, whatever is restarted", async () => {
  const { id } = await ledger.record(oauthRequest({ sessionId: "s-1", clientSecret: "hidden-client-secret" }));
  await ledger.record(oauthRequest({ sessionId: "s-2", clientSecret: "hidden-client-secret" }));
  assert.is((await once("--exec", keep())).code, 0);
  assert.is((await once("--exec", keep())).code, 3);
  const [need, ...more] = await told();
  assert.equal(more, []);
  assert.equal([need?.v, need?.id, need?.kind, need?.again], [1, id, "mcp.oauth_required", false]);
  assert.equal([need?.what, need?.principal, need?.sessions], ["files initial mcp.read", "ada", ["s-1", "s-2"]]);
  assert.not.ok("link" in (need ?? {}));
  assert.not.match(await readFile(inFolder("told"), "utf8"), /hidden-client-secret/);
  assert.is((await once("--exec", keep(), "--name", "pager")).code, 0);
  assert.is((await told()).length, 2);
});

test("looks on: what is asked while it runs is told, and after an answer the next need", async () => {
  await using running = startCommand(args("--exec", keep()));
  const first = await ledger.record(oauthRequest());
  assert.is((await running.next("told")).id, first.id);
  await ledger.answer(first.id, token("A", 0));
  const second = await ledger.record(oauthRequest());
  assert.is((await running.next("told")).id, second.id);
  assert.is(await running.stop(), 0);
});

test("tries again what failed, says so, and goes on with others meanwhile", async () => {
  const exec = `cat > ${inFolder("need")}; if grep -q '"again":false' ${inFolder("need")} && grep -q mcp.oauth ${inFolder("need")}; then exit 7; fi; cat ${inFolder("need")} >> ${inFolder("told")}`;
  const failing = await ledger.record(oauthRequest());
  await using running = startCommand(args("--exec", exec));
  const failed = await running.next("failed");
  assert.equal([failed.id, failed.level, failed.why], [failing.id, "warn", "the command ended with exit code 7"]);
  const other = await ledger.record(permissionRequest());
  assert.is((await running.next("told")).id, other.id);
  const again = await running.next("told");
  assert.equal([again.id, again.again], [failing.id, "again"]);
  assert.equal(
    (await told()).map((need) => need.again),
    [false, true],
  );
  const events = (await ledger.receipts(failing.id)).map(({ event }) => event);
  assert.equal(events, [undefined, "telling", "not-told", "telling", "told"]);
});

test("one that was stopped while it told is told again, and the JSON says so", async () => {
  await ledger.record(permissionRequest());
  const running = startCommand(args("--exec", `touch ${inFolder("started")}; sleep 600`));
  while (!existsSync(inFolder("started"))) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.is(await running.stop(), 0);
  assert.is((await once("--exec", keep())).code, 0);
  assert.is((await told())[0]?.again, true);
});

test("one that was killed while it told is told again when its time is over, not before", async () => {
  const { id } = await ledger.record(permissionRequest());
  // As kill -9 leaves it.
  const begun = await ledger.notice(id, { name: "notify" });
  assert.is(begun.state, "ours");
  assert.is((await once("--exec", keep())).code, 3);
  await using database = raw(file);
  await database.run("UPDATE receipts SET at = at - 40001 WHERE event = 'telling'");
  assert.is((await once("--exec", keep())).code, 0);
  assert.is((await told())[0]?.again, true);
});

test("a link has a ticket for the entry, and nothing else shows it", async () => {
  const { id } = await ledger.record(permissionRequest());
  const { code, out } = await once("--exec", keep(), "--link", "https://inbox.example", "--for", "1h");
  assert.is(code, 0);
  const [need] = await told();
  const [, ticket = ""] = /^https:\/\/inbox\.example\/t\/([\w-]{43})$/.exec(String(need?.link)) ?? [];
  assert.not.ok(out.includes(ticket));
  assert.ok(Math.abs(Date.parse(String(need?.linkExpiresAt)) - Date.now() - 3_600_000) < 60_000);
  await using claim = await ledger.redeem(ticket, { owner: "ada" });
  assert.is(claim.entry.id, id);
});

test("waits as long as --after says, and tells nobody of what was answered meanwhile", async () => {
  const answered = await ledger.record(permissionRequest());
  const waits = await ledger.record(permissionRequest());
  await using running = startCommand(args("--after", "400ms", "--exec", keep()));
  await ledger.answer(answered.id, { kind: "approve-once" });
  assert.is((await running.next("told")).id, waits.id);
  assert.is(Date.now() - waits.createdAt.getTime() >= 400, true);
  assert.equal(
    (await told()).map(({ id }) => id),
    [waits.id],
  );
});

interface Post {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A receiver of webhooks that answers with these statuses in turn, and with 204 from then on. */
async function receiver(...statuses: number[]): Promise<{ server: Listening; url: string; posts: Post[] }> {
  const posts: Post[] = [];
  const server = await listen(async (request, response) => {
    posts.push({ headers: request.headers, body: await bodyOf(request) });
    response.writeHead(statuses.shift() ?? 204, { location: "http://127.0.0.1:9/elsewhere" }).end();
  });
  return { server, url: `${server.url}/hook`, posts };
}

/** What docs/shell.md tells a receiver to do. */
function isOurs({ headers, body }: Post, secret: string): boolean {
  const [timestamp, signature] = [String(headers["latchkey-timestamp"]), String(headers["latchkey-signature"])];
  const expected = `v1=${createHmac("sha256", secret).update(`${timestamp}.${body}`).digest("hex")}`;
  const same = signature.length === expected.length && timingSafeEqual(Buffer.from(signature), Buffer.from(expected));
  return same && Math.abs(Date.now() / 1000 - Number(timestamp)) < 300;
}

test("posts to a webhook, signed; tries again what is not taken, and follows no redirect", async () => {
  const { server, url, posts } = await receiver(503, 302);
  try {
    await writeFile(inFolder("secret"), "a-webhook-secret-of-some-length\n");
    const { id } = await ledger.record(oauthRequest({ clientSecret: "hidden-client-secret" }));
    await using running = startCommand(args("--webhook", url, "--secret-file", inFolder("secret")));
    assert.is((await running.next("failed")).why, "the webhook answered with 503");
    assert.is((await running.next("failed")).why, "the webhook answered with 302");
    assert.is((await running.next("told")).id, id);
    assert.is(posts.length, 3);
    for (const post of posts) {
      assert.ok(isOurs(post, "a-webhook-secret-of-some-length"));
      assert.not.ok(isOurs({ ...post, body: `${post.body} ` }, "a-webhook-secret-of-some-length"));
      assert.not.ok(isOurs(post, "another-webhook-secret"));
      assert.is(post.headers["content-type"], "application/json");
      assert.not.match(post.body, /hidden-client-secret/);
    }
    assert.equal(
      posts.map(({ body }) => JSON.parse(body).again),
      [false, true, true],
    );
    assert.not.match(running.out() + running.err(), /a-webhook-secret/);
  } finally {
    await server[Symbol.asyncDispose]();
  }
});

test("a webhook that cannot be reached, or takes too long, is a failure that is told", async () => {
  await ledger.record(permissionRequest());
  await writeFile(inFolder("secret"), "a-webhook-secret-of-some-length");
  const hook = (url: string, ...more: string[]) => once("--webhook", url, "--secret-file", inFolder("secret"), ...more);
  const gone = await listen(() => undefined);
  await gone.close();
  const unreachable = await hook(`${gone.url}/hook`);
  assert.is(unreachable.code, 1);
  assert.match(JSON.parse(unreachable.out).why, /cannot be reached \(ECONNREFUSED\)/);
  const server = await listen(() => undefined);
  try {
    const late = await hook(`${server.url}/hook`, "--timeout", "200ms");
    assert.equal([late.code, JSON.parse(late.out).why], [1, "it took too long"]);
  } finally {
    await server[Symbol.asyncDispose]();
  }
});

test("refuses what it cannot do", async () => {
  await writeFile(inFolder("short"), "short");
  const hook = "https://chat.example/hook";
  for (const [said, ...more] of [
    [/--exec or --webhook/],
    [/--exec or --webhook/, "--exec", "true", "--webhook", hook],
    [/https URL, or http on loopback/, "--webhook", "http://chat.example/hook"],
    [/https URL/, "--webhook", "nonsense"],
    [/is signed: give --secret-file/, "--webhook", hook],
    [/16 characters or more/, "--webhook", hook, "--secret-file", inFolder("short")],
    [/cannot be read/, "--webhook", hook, "--secret-file", inFolder("none")],
    [/--for goes with --link/, "--exec", "true", "--for", "1h"],
    [/--link must be/, "--exec", "true", "--link", "ftp://inbox.example"],
    [/--timeout must be/, "--exec", "true", "--timeout", "0s"],
    [/--after must be/, "--exec", "true", "--after", "later"],
  ] as const) {
    const { code, err } = await once(...more);
    assert.equal([code, said.test(err)], [2, true], `${more.join(" ")}: ${err}`);
  }
});
