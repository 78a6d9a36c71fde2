/** The pages by HTTP: what they show of every kind, and what becomes of what is sent. */
import { randomUUID } from "node:crypto";
import { type Inbox, type InboxOptions, serveInbox } from "latchkey/inbox";
import { type Entry, type Ledger, openLedger } from "latchkey/ledger";
import { type AnswerOf, isKind, type KindName, kinds } from "latchkey/pending";
import * as assert from "uvu/assert";
import { asked, samples } from "../support/inbox/requests.js";
import { enter, type Visitor } from "../support/inbox/visit.js";
import { rejects, suite } from "../support/suite.js";

const test = suite("inbox");
let ledger: Ledger;
let inbox: Inbox;
let ada: Visitor;
const errors: unknown[] = [];

const serve = (options: InboxOptions = {}): Promise<Inbox> =>
  serveInbox(ledger, { owner: "ada", onError: (error) => errors.push(error), ...options });

test.before.each(async () => {
  ledger = await openLedger(":memory:", { key: "11".repeat(32) });
  inbox = await serve();
  ada = await enter(inbox);
});
test.after.each(async () => {
  await inbox.close();
  await ledger.close();
  assert.equal(errors.splice(0), [], "nothing unforeseen happened");
});

const record = (kind: string, data: object = {}, from = {}): Promise<Entry> =>
  ledger.record(asked(kind, { ...samples[kind], ...data }, from));
/** What the runtime would be told. */
async function delivered({ id }: Entry): Promise<unknown> {
  return (await ledger.deliver(id, { owner: "test" }))?.answer;
}
const send = async (entry: Entry, form: Record<string, string>): Promise<void> => {
  const { status, headers, text } = await ada.post(`/entries/${entry.id}/answer`, form);
  assert.is(status, 303, text);
  assert.is(headers.location, `/?done=${entry.id}`);
};

test("lists one of every kind with what is asked, by whom, and the right buttons", async () => {
  const buttons: Record<string, string[]> = {
    "mcp.oauth_required": ["no"],
    "mcp.headers_refresh_required": ["no"],
    "permission.requested": ["yes", "session", "no"],
    "external_tool.requested": ["no"],
    "elicitation.requested": ["no"],
    "user_input.requested": [],
    "exit_plan_mode.requested": ["no"],
    "sampling.requested": ["no"],
    "auto_mode_switch.requested": ["yes", "form", "no"],
    "session_limits_exhausted.requested": ["no"],
    "command.execute": ["yes", "no"],
    "command.queued": ["yes", "no"],
  };
  assert.equal(Object.keys(buttons).sort(), Object.keys(kinds).sort());
  for (const kind of Object.keys(kinds)) await record(kind, {}, { sessionId: "5e551011-of-the-test" });
  const { text, status } = await ada.get("/");
  assert.is(status, 200);
  const cards = text.split('<li class="card entry"').slice(1);
  assert.is(cards.length, 12);
  for (const [kind, presses] of Object.entries(buttons)) {
    const card = cards.find((one) => one.includes(`data-kind="${kind}"`)) ?? "";
    assert.match(card, "5e551011");
    assert.match(card, "<bdi>ada</bdi>");
    assert.equal(
      [...card.matchAll(/name="press" value="(\w+)"/g)].map(([, press]) => press),
      presses,
      kind,
    );
  }
  assert.match(text, "Sign in to files at files.example.com");
  assert.match(text, "Run npm publish --tag next");
  assert.match(text, "git asks: How shall the release be made?");
});

/** What a person presses and fills in, and the answer that it is. */
const answers: readonly (readonly [KindName, Record<string, string>, AnswerOf<KindName>])[] = [
  ["mcp.oauth_required", { press: "no" }, { kind: "cancelled" }],
  [
    "mcp.oauth_required",
    { press: "form", "f.text": "a-token", "f.seconds": "3600" },
    { kind: "token", accessToken: "a-token", expiresIn: 3600 },
  ],
  [
    "mcp.headers_refresh_required",
    { press: "form", "f.text": "X-Pass: let me in" },
    { kind: "headers", headers: { "X-Pass": "let me in" } },
  ],
  ["mcp.headers_refresh_required", { press: "no", reason: "not today" }, { kind: "error", message: "not today" }],
  ["permission.requested", { press: "yes" }, { kind: "approve-once", approvedInteractively: true }],
  ["permission.requested", { press: "session" }, { kind: "approve-for-session" }],
  [
    "permission.requested",
    { press: "no", reason: "Not on a Friday." },
    { kind: "reject", feedback: "Not on a Friday." },
  ],
  ["external_tool.requested", { press: "form", "f.text": "line one\r\nline two" }, { result: "line one\nline two" }],
  ["external_tool.requested", { press: "no", reason: "no such queue" }, { error: "no such queue" }],
  [
    "external_tool.requested",
    { press: "json", json: '{"result":{"textResultForLlm":"T-17","resultType":"success"}}' },
    { result: { textResultForLlm: "T-17", resultType: "success" } },
  ],
  [
    "elicitation.requested",
    {
      ...{ press: "form", "f.name": "rel-2", "f.mail": "ada@example.org", "f.when": "2026-03-31", "f.reviewers": "3" },
      ...{ "f.target": "1", "f.labels": "2" },
    },
    {
      action: "accept",
      content: {
        ...{ name: "rel-2", mail: "ada@example.org", when: "2026-03-31", reviewers: 3, squash: false },
        ...{ target: "next", labels: ["speed"] },
      },
    },
  ],
  ["elicitation.requested", { press: "no" }, { action: "decline" }],
  ["user_input.requested", { press: "form", "f.choice": "1" }, { answer: "PostgreSQL", wasFreeform: false }],
  ["user_input.requested", { press: "form", "f.text": "both" }, { answer: "both", wasFreeform: true }],
  ["exit_plan_mode.requested", { press: "form", "f.action": "1" }, { approved: true, selectedAction: "interactive" }],
  ["exit_plan_mode.requested", { press: "no", reason: "step 3 first" }, { approved: false, feedback: "step 3 first" }],
  [
    "sampling.requested",
    { press: "form", "f.text": "seven" },
    { response: { role: "assistant", content: { type: "text", text: "seven" }, model: "a person" } },
  ],
  ["sampling.requested", { press: "no" }, {}],
  ["auto_mode_switch.requested", { press: "yes" }, "yes"],
  ["auto_mode_switch.requested", { press: "form" }, "yes_always"],
  ["auto_mode_switch.requested", { press: "no" }, "no"],
  [
    "session_limits_exhausted.requested",
    { press: "form", "f.action": "0", "f.credits": "25" },
    { action: "add", additionalAiCredits: 25 },
  ],
  [
    "session_limits_exhausted.requested",
    { press: "form", "f.action": "1", "f.credits": "99.5" },
    { action: "set", maxAiCredits: 99.5 },
  ],
  ["session_limits_exhausted.requested", { press: "form", "f.action": "2" }, { action: "unset" }],
  ["command.execute", { press: "yes" }, {}],
  ["command.execute", { press: "no", reason: "no rights" }, { error: "no rights" }],
  ["command.queued", { press: "yes" }, { handled: true }],
];

test("makes of every form the answer of its kind, written down as a person's", async () => {
  assert.equal(new Set(answers.map(([kind]) => kind)).size, 12, "every kind is answered");
  for (const [kind, form, answer] of answers) {
    const entry = await record(kind, {}, { sessionId: randomUUID(), principal: undefined });
    await send(entry, form);
    assert.equal(await delivered(entry), answer, `${kind} ${JSON.stringify(form)}`);
    const line = (await ledger.receipts(entry.id)).find(({ state }) => state === "answered");
    assert.equal([line?.by, line?.actor], ["ada in the inbox", "person"]);
  }
});

test("Enter in the field of a no presses no yes", async () => {
  const entry = await record("permission.requested");
  const { text } = await ada.get(`/entries/${entry.id}`);
  const [form = ""] = text.match(/<form[^>]*>(?:(?!<\/form>)[\s\S])*name="reason"[\s\S]*?<\/form>/) ?? [];
  assert.equal(
    [...form.matchAll(/name="press" value="(\w+)"/g)].map(([, press]) => press),
    ["no"],
  );
});

test("says of each field what is wrong with it, keeps what was typed, and answers nothing", async () => {
  const entry = await record("elicitation.requested");
  const { status, text } = await ada.post(`/entries/${entry.id}/answer`, {
    ...{ press: "form", "f.name": "ab", "f.mail": "nobody", "f.when": "2026-02-30", "f.reviewers": "6" },
    ...{ "f.target": "7", "f.labels": "0" },
  });
  assert.is(status, 422);
  for (const words of [
    "This needs at least 3 characters.",
    "This must be an e-mail address.",
    "This must be a date, such as 2026-03-31.",
    "This must be 5 or less.",
    "Choose one of these.",
  ])
    assert.match(text, words);
  assert.match(text, /aria-invalid="true"[^>]* value="ab"|value="ab"/);
  assert.match(text, /name="f.labels" value="0" checked/);
  assert.is((await ledger.get(entry.id))?.state, "open");
  await send(entry, { press: "form", "f.name": "abc", "f.target": "0" });
});

test("shows a secret that was typed to nobody again", async () => {
  const entry = await record("mcp.oauth_required");
  const { status, text } = await ada.post(`/entries/${entry.id}/answer`, {
    press: "form",
    "f.text": "two words-secret",
  });
  assert.is(status, 422);
  assert.not.match(text, "words-secret");
  assert.match(text, "printable ASCII");
});

test("refuses what is no answer, and says what was expected", async () => {
  const entry = await record("external_tool.requested");
  const post = (form: Record<string, string>) => ada.post(`/entries/${entry.id}/answer`, form);
  for (const [json, words] of [
    ["{", "This is no JSON."],
    ['{"result":17}', "expected"],
    ['{"approved":true}', "expected"],
  ] as const) {
    const { status, text } = await post({ press: "json", json });
    assert.is(status, 422);
    assert.match(text, words);
    assert.match(text, json.replaceAll('"', "&quot;"));
  }
  for (const form of [{}, { press: "yes" }, { press: "session" }, { press: "nonsense" }] as Record<string, string>[])
    assert.is((await post(form)).status, 422, JSON.stringify(form));
  assert.is((await ledger.get(entry.id))?.state, "open");
});

test("an elicitation that no form can hold is answered as JSON, one with a URL by its host", async () => {
  const nested = await record("elicitation.requested", {
    requestedSchema: { type: "object", properties: { inner: { type: "object", properties: {} } } },
  });
  const { text } = await ada.get(`/entries/${nested.id}`);
  assert.not.match(text, 'value="form"');
  assert.not.match(text, 'value="yes"', "content is asked for");
  assert.match(text, 'value="json"');
  const { requestedSchema: _, ...plain } = { ...samples["elicitation.requested"], requestedSchema: undefined };
  const yesNo = await ledger.record(asked("elicitation.requested", plain));
  await send(yesNo, { press: "yes" });
  assert.equal(await delivered(yesNo), { action: "accept" });
});

test("pages through what waits, fifty at a time, each once", async () => {
  const count = 120;
  for (let at = 0; at < count; at++) await record("command.queued", { command: `/step ${at}` });
  const seen: string[] = [];
  for (let path: string | undefined = "/"; path !== undefined; ) {
    const { text } = await ada.get(path);
    const here = [...text.matchAll(/<h2.*<bdi>(\/step \d+)<\/bdi>/g)].map(([, line]) => line ?? "");
    assert.ok(here.length <= 50);
    seen.push(...here);
    path = /rel="next" href="([^"]+)"/.exec(text)?.[1]?.replaceAll("&amp;", "&");
  }
  assert.is(seen.length, count);
  assert.is(new Set(seen).size, count);
  const filtered = await ada.get("/?kind=permission.requested");
  assert.match(filtered.text, "Nothing waits");
  assert.is((await ada.get("/?after=nonsense&kind=nonsense&show=nonsense")).status, 200);
});

test("who works on an entry is said, and nobody else answers it", async () => {
  const entry = await record("permission.requested");
  const bob = await enter({ url: inbox.link(), origin: inbox.origin });
  assert.is((await ada.post(`/entries/${entry.id}/take`, {})).status, 303);
  assert.is((await ledger.get(entry.id))?.claim?.owner, "ada in the inbox");
  assert.match((await ada.get(`/entries/${entry.id}`)).text, "You work on this");
  for (const path of ["/", `/entries/${entry.id}`]) {
    const { text } = await bob.get(path);
    assert.match(text, /<b><bdi>ada in the inbox<\/bdi><\/b> works on it/);
    assert.not.match(text, 'name="press"');
  }
  const refused = await bob.post(`/entries/${entry.id}/answer`, { press: "yes" });
  assert.is(refused.status, 409);
  assert.match(refused.text, "Somebody else works on it");
  assert.is((await bob.post(`/entries/${entry.id}/take`, {})).status, 409);
  await send(entry, { press: "no" });
  const late = await bob.post(`/entries/${entry.id}/answer`, { press: "yes" });
  assert.is(late.status, 409);
  assert.match(late.text, "Somebody was faster");
  assert.equal(await delivered(entry), { kind: "reject" });
});

test("what somebody worked on is free when they put it back, and when the inbox ends", async () => {
  const entry = await record("permission.requested");
  await ada.post(`/entries/${entry.id}/take`, {});
  await ada.post(`/entries/${entry.id}/put-back`, {});
  assert.is((await ledger.get(entry.id))?.claim, undefined);
  await ada.post(`/entries/${entry.id}/take`, {});
  await inbox.close();
  assert.is((await ledger.get(entry.id))?.claim, undefined);
});

test("tells open pages of what another process does", async () => {
  const stream = await fetch(`${inbox.origin}/news`, { headers: { cookie: ada.cookie } });
  assert.match(stream.headers.get("content-type") ?? "", "text/event-stream");
  if (stream.body === null) throw new Error("no stream");
  const reader = stream.body.pipeThrough(new TextDecoderStream()).getReader();
  let heard = "";
  const hear = async (words: string): Promise<void> => {
    while (!heard.includes(words)) {
      const { value, done } = await reader.read();
      if (done) throw new Error(`the stream ended after ${heard}`);
      heard += value;
    }
  };
  await hear("event: ready");
  const { id } = await record("permission.requested");
  await hear(id);
  assert.not.match(heard, "npm publish", "an id, and nothing of what is asked");
  await reader.cancel();
});

test("shows a principal's inbox that principal's requests, and no trace of others'", async () => {
  await inbox.close();
  inbox = await serve({ principal: "ada" });
  ada = await enter(inbox);
  const hers = await record("permission.requested");
  const his = await record("permission.requested", {}, { principal: "bob" });
  const nobodys = await record("permission.requested", {}, { principal: undefined });
  const { text } = await ada.get("/");
  assert.match(text, hers.id);
  for (const { id } of [his, nobodys]) {
    assert.not.match(text, id);
    assert.is((await ada.get(`/entries/${id}`)).status, 404);
    assert.is((await ada.post(`/entries/${id}/answer`, { press: "yes" })).status, 404);
    assert.is((await ada.post(`/entries/${id}/take`, {})).status, 404);
    assert.not.match((await ada.get(`/?done=${id}`)).text, 'class="notice');
    assert.is((await ledger.get(id))?.state, "open");
  }
});

test("says what to do next where there is nothing, and what happened where something is over", async () => {
  for (const [path, words] of [
    ["/", "latchkey keep"],
    ["/?show=moving", "Answers stay here until"],
    ["/?show=done", "latchkey prune"],
    ["/entries/none", "There is no such request"],
    ["/nowhere", "There is no such page"],
  ] as const)
    assert.match((await ada.get(path)).text, words);
  const entry = await record("permission.requested");
  await ledger.cancel(entry.id, { by: "carol", reason: "not needed" });
  const { text } = await ada.get(`/entries/${entry.id}`);
  assert.match(text, /cancelled<\/b> by <bdi>carol<\/bdi>/);
  assert.match(text, "not needed");
  assert.not.match(text, 'name="press"');
});

test("says that a ledger is away, and goes on when it is back", async () => {
  const entry = await record("permission.requested");
  await ledger.close();
  const { status, text } = await ada.get(`/entries/${entry.id}`);
  assert.is(status, 503);
  assert.match(text, "The ledger cannot be reached");
  ledger = await openLedger(":memory:", { key: "11".repeat(32) });
});

test("refuses options that would open it to the network", async () => {
  for (const options of [
    { host: "0.0.0.0" },
    { host: "192.0.2.1" },
    { port: -1 },
    { publicUrl: "http://inbox.example" },
    { publicUrl: "https://inbox.example/path" },
    { principalHeader: "x-user" },
    { publicUrl: "https://inbox.example", proxySecret: "short" },
    { principal: " " },
  ])
    await rejects(serveInbox(ledger, options), TypeError);
});

test("knows each kind by its row", () => {
  for (const kind of Object.keys(samples)) assert.ok(isKind(kind) && kinds[kind].title.length > 2);
});
