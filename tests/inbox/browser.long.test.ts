/** The inbox in a real browser: for eyes, keyboards and screen readers, on small screens, in the dark, without scripts, and under attack. */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import { type Inbox, serveInbox } from "latchkey/inbox";
import { type Entry, type Ledger, openLedger } from "latchkey/ledger";
import type { Page } from "playwright-core";
import * as assert from "uvu/assert";
import { latchkey, openPlace, type Place } from "../support/commands.js";
import { type Browser, browserTests, openBrowser } from "../support/inbox/browser.js";
import { asked, samples } from "../support/inbox/requests.js";
import { type RunningProvider, startProvider } from "../support/oauth/provider.js";
import { suite } from "../support/suite.js";

const test = browserTests(suite("inbox in a browser", { timeoutMs: 240_000 }));
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const secrets = ["planted-client-secret", "planted-challenge", "planted-query", "planted-user-info"];
let browser: Browser;
let page: Page;
let place: Place;
let ledger: Ledger;
let inbox: Inbox;
let provider: RunningProvider;
const complaints: string[] = [];

test.before(async () => {
  browser = await openBrowser();
  provider = await startProvider();
});
test.after(async () => {
  await browser[Symbol.asyncDispose]();
  await provider[Symbol.asyncDispose]();
});
test.before.each(async () => {
  place = await openPlace();
  ledger = await openLedger(join(place.state, "ledger.db"));
  inbox = await serveInbox(ledger, { owner: "ada" });
  page = await browser.context.newPage();
  page.on("console", (message) => {
    // A page that is refused is told by its status, which the tests see.
    if (message.type() === "error" && !/status of 4\d\d/.test(message.text())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  await page.goto(inbox.url);
});
test.after.each(async () => {
  await page.close();
  await browser.context.clearCookies();
  await inbox.close();
  await ledger.close();
  await place[Symbol.asyncDispose]();
  assert.equal(complaints.splice(0), [], "the browser has nothing to complain of, the content policy included");
});

const record = (kind: string, data: object = {}): Promise<Entry> =>
  ledger.record(asked(kind, { ...samples[kind], ...data }));
const planted = (): Promise<Entry> =>
  record("mcp.oauth_required", {
    serverUrl: "https://planted-user-info:pw@files.example/mcp?key=planted-query",
    staticClientConfig: { clientId: "c-1", clientSecret: "planted-client-secret" },
    httpResponse: { statusCode: 401, headers: [{ name: "WWW-Authenticate", value: "Bearer x=planted-challenge" }] },
  });
const waitFor = (text: string) => page.getByText(text).first().waitFor();
const open = (entry: Entry) => page.goto(`${inbox.origin}/entries/${entry.id}`);

/** Every sort of page that there is, shown one after the other. */
async function* everyPage(): AsyncGenerator<string> {
  const entries = new Map<string, Entry>();
  for (const kind of Object.keys(samples)) entries.set(kind, await record(kind));
  const secret = await planted();
  const busy = await record("permission.requested");
  await using claim = await ledger.claim({ id: busy.id }, { owner: "bob's broker" });
  assert.ok(claim);
  const over = await record("permission.requested");
  await ledger.cancel(over.id, { by: "carol", reason: "not needed" });
  const url = await ledger.record(
    asked("elicitation.requested", { message: "Pay first.", mode: "url", url: "https://pay.example/?t=1" }),
  );
  const ticket = await ledger.ticket(url.id, { expiresAt: new Date(Date.now() + 600_000) });
  const signIn = await record("mcp.oauth_required", { serverUrl: provider.serverUrl });
  const visit = async (path: string): Promise<string> => {
    await page.goto(inbox.origin + path);
    return path;
  };
  for (const path of ["/", "/?show=done", "/?show=moving", "/grants", "/nowhere", "/enter/nonsense", `/t/${ticket}`])
    yield await visit(path);
  for (const { id } of [...entries.values(), secret, busy, over]) yield await visit(`/entries/${id}`);
  const form = entries.get("elicitation.requested");
  await visit(`/entries/${form?.id}`);
  await page.getByLabel("Name of the branch").fill("x");
  await page.getByRole("button", { name: "Send" }).first().click();
  await waitFor("This needs at least 3 characters.");
  yield "a form with mistakes";
  await visit(`/entries/${url.id}`);
  await page.getByRole("button", { name: "Show the address" }).click();
  await waitFor("Open a page of pay.example?");
  yield "an address";
  await visit(`/entries/${signIn.id}`);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await waitFor("You go to the authorization server");
  yield "where a sign-in leads";
  await page.getByRole("link", { name: /^Continue to/ }).click();
  await waitFor("Is this the right account?");
  yield "whose account it is";
  await page.getByRole("button", { name: "Use this account" }).click();
  await waitFor("answered, not yet delivered");
  yield "what was answered";
  await visit("/grants");
  yield "kept sign-ins";
}

interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string }[];
}

async function look(): Promise<string[]> {
  await page.evaluate(axe);
  const found: Violation[] = await page.evaluate("axe.run().then(({ violations }) => violations)");
  return found.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
}

for (const scheme of ["light", "dark"] as const)
  test(`axe finds nothing on any page, ${scheme}, wide and narrow; nothing is wider than the screen; no secret is on it`, async () => {
    await page.emulateMedia({ colorScheme: scheme });
    for await (const name of everyPage()) {
      for (const width of [1280, 360]) {
        await page.setViewportSize({ width, height: 800 });
        await page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true");
        assert.equal(await look(), [], `${name} at ${width}`);
        const excess: number = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
        assert.ok(excess <= 0, `${name} at ${width}: ${excess} px too wide`);
      }
      const text = `${await page.content()} ${page.url()}`;
      for (const secret of secrets) assert.not.match(text, secret, name);
    }
    const colours: string = await page.evaluate("getComputedStyle(document.body).backgroundColor");
    assert.is(colours === "rgb(246, 247, 249)", scheme === "light", colours);
  });

test("by keyboard alone: from the list through a form to its answer", async () => {
  await record("permission.requested");
  const form = await record("user_input.requested");
  await page.goto(`${inbox.origin}/`);
  const press = async (until: string): Promise<void> => {
    for (let steps = 0; steps < 60; steps++) {
      await page.keyboard.press("Tab");
      const where: string = await page.evaluate(
        "(document.activeElement?.textContent || document.activeElement?.name || '').trim() + '|' + document.activeElement?.id",
      );
      if (where.includes(until)) return;
    }
    throw new Error(`Tab never reaches ${until}`);
  };
  await press("Skip to the content");
  await page.keyboard.press("Enter");
  await press("Allow once");
  const ring: string = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle");
  assert.is(ring, "solid", "one sees where one is");
  await page.keyboard.press("Enter");
  await waitFor("answered, not yet delivered");
  await press("Answer…");
  await page.keyboard.press("Enter");
  await page.waitForURL(`**/entries/${form.id}`);
  await press("field-0-0");
  await page.keyboard.press("ArrowDown");
  await press("Send");
  await page.keyboard.press("Enter");
  await page.waitForURL(`**/?done=${form.id}`);
  assert.equal((await ledger.deliver(form.id, { owner: "test" }))?.answer, {
    answer: "PostgreSQL",
    wasFreeform: false,
  });
});

test("what another process does is seen at once, and what is being typed stays", async () => {
  const { id } = await record("user_input.requested");
  const other = await record("permission.requested");
  await page.goto(`${inbox.origin}/`);
  await page.getByRole("heading", { name: /Run npm publish/ }).waitFor();
  assert.is((await latchkey(place, ["cancel", other.id])).code, 0);
  await page.getByRole("heading", { name: /Run npm publish/ }).waitFor({ state: "detached" });
  assert.match(await page.title(), /^\(1\) Inbox/);
  await page.goto(`${inbox.origin}/entries/${id}`);
  await page.getByLabel("Or in your own words").fill("half a sen");
  await page.evaluate("window.here = true");
  await record("command.queued");
  const quiet = page.waitForResponse((response) => response.url() === page.url());
  await quiet;
  assert.is(await page.getByLabel("Or in your own words").inputValue(), "half a sen");
  assert.is((await latchkey(place, ["answer", id], "SQLite\n")).code, 0);
  await waitFor("Nothing is left to do here.");
  assert.is(await page.evaluate("window.here"), true, "without a new page");
  assert.match((await page.locator("#said").textContent()) ?? "", "This request does not wait any more.");
});

test("a second browser with the same ticket, and a second click on a used one", async () => {
  const entry = await record("permission.requested");
  const ticket = await ledger.ticket(entry.id, { expiresAt: new Date(Date.now() + 60_000) });
  await browser.context.clearCookies();
  const link = `${inbox.origin}/t/${ticket}`;
  await page.goto(link);
  await page.getByRole("button", { name: "Go on to the answer" }).click();
  await page.waitForURL(`**/t/entry/${entry.id}`);
  await using second = await openBrowser({ width: 360 });
  await second.page.goto(link);
  await second.page.getByRole("button", { name: "Go on to the answer" }).click();
  await second.page.getByText("Somebody else works on it").waitFor();
  await page.getByRole("button", { name: "Deny" }).click();
  await waitFor("Thank you");
  for (const one of [page, second.page]) {
    await one.goto(link);
    await one.getByText("This link was used already").waitFor();
  }
});

test("works without scripts", async () => {
  await using plain = await openBrowser({ scripts: false });
  const entry = await record("elicitation.requested");
  await plain.page.goto(inbox.link());
  await plain.page.getByRole("link", { name: "Answer…" }).click();
  await plain.page.getByLabel("Main line").check();
  await plain.page.getByLabel("speed").check();
  await plain.page.getByRole("button", { name: "Send" }).first().click();
  await plain.page.waitForURL(`**/?done=${entry.id}`);
  const given = (await ledger.deliver(entry.id, { owner: "test" }))?.answer;
  assert.equal(given, {
    action: "accept",
    content: { name: "release", reviewers: 2, squash: true, target: "main", labels: ["speed"] },
  });
});

test("a page of a stranger can neither frame it nor press its buttons, though the session is there", async () => {
  const entry = await record("permission.requested");
  const server = createServer((_, response) => {
    response.setHeader("content-type", "text/html");
    response.end(`<iframe src="${inbox.origin}/"></iframe>
      <form method="post" action="${inbox.origin}/entries/${entry.id}/answer"><input name="press" value="yes"><button>Win</button></form>`);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    await page.goto(`http://127.0.0.1:${port}/`);
    const framed = page.frames().at(-1);
    assert.not.match((await framed?.content()) ?? "", "Waiting");
    complaints.splice(0);
    const answered = page.waitForResponse((response) => response.request().method() === "POST");
    await page.getByRole("button", { name: "Win" }).click();
    assert.is((await answered).status(), 403);
    assert.is((await ledger.get(entry.id))?.state, "open");
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test("markup of a stranger is text in the browser, too", async () => {
  const odd = `<img src=x onerror="window.won = 1"><script>window.won = 1</script>`;
  const entry = await record("elicitation.requested", { message: odd, elicitationSource: odd });
  await page.goto(`${inbox.origin}/`);
  await open(entry);
  await page.getByRole("heading", { name: "onerror" }).waitFor();
  assert.is(await page.evaluate("window.won"), undefined);
  assert.is(await page.locator("img, main script").count(), 0);
});

test("the account that two people see is the one that signs in: the second sees who has it", async () => {
  const entry = await record("mcp.oauth_required", { serverUrl: provider.serverUrl });
  await open(entry);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByRole("link", { name: /^Continue to/ }).waitFor();
  await using second = await openBrowser();
  await second.page.goto(inbox.link());
  await second.page.getByText("ada in the inbox").waitFor();
  assert.is(await second.page.getByRole("link", { name: "Sign in…" }).count(), 0);
  await page.getByRole("button", { name: "Not now" }).click();
  await second.page.getByRole("link", { name: "Sign in…" }).waitFor({ timeout: 30_000 });
});
