/** People answer a real runtime through the inbox in a real browser: from the click to what the session does then. */

import { type Inbox, serveInbox } from "latchkey/inbox";
import { keep } from "latchkey/keeper";
import { type Ledger, openLedger, type State } from "latchkey/ledger";
import type { Rpc } from "latchkey/rpc";
import type { Page } from "playwright-core";
import * as assert from "uvu/assert";
import { type Browser, browserTests, openBrowser } from "../support/inbox/browser.js";
import { type ProvocationName, provocations, provokedParams } from "../support/kinds/provocations.js";
import { suite } from "../support/suite.js";
import {
  approvePermissions,
  openWorld,
  runTurn,
  runtimes,
  startAskingServer,
  startModel,
  startTestRuntime,
  type TestRuntime,
} from "../support/world.js";

for (const under of runtimes) {
  const test = browserTests(suite(`inbox with ${under.name}`, { timeoutMs: 90_000 }));
  let testRuntime: TestRuntime;
  let browser: Browser;
  let page: Page;
  let rpc: Rpc;
  let keeperRpc: Rpc;
  let ledger: Ledger;
  let inbox: Inbox;

  test.before(async () => {
    testRuntime = await startTestRuntime(under);
    browser = await openBrowser();
    ({ page } = browser);
  });
  test.after(async () => {
    await browser[Symbol.asyncDispose]();
    await testRuntime.close();
  });
  test.before.each(async () => {
    rpc = await testRuntime.connect();
    keeperRpc = await testRuntime.connect();
    ledger = await openLedger(":memory:", { key: "11".repeat(32) });
    inbox = await serveInbox(ledger, { owner: "ada" });
    await page.goto(inbox.url);
  });
  test.after.each(async () => {
    await page.goto("about:blank");
    await inbox.close();
    await keeperRpc.close();
    await rpc.close();
    await ledger.close();
  });

  /** Resolves when the runtime has taken the answer of the one entry of this kind. */
  const settled = async (kind: string): Promise<void> => {
    const states: State[] = [];
    for await (const entry of ledger.watch({}, { after: "0" })) {
      if (entry.kind !== kind) continue;
      states.push(entry.state);
      if (entry.state === "settled") return assert.is(entry.outcome, "accepted");
    }
    throw new Error(`the watch ended after ${states.join(", ")}`);
  };

  test("a sign-in from the click to the tool call that waited for it, and the permission on the way", async () => {
    await using world = await openWorld();
    await using keeping = keep(keeperRpc, ledger, { principal: "ada", interest: ["mcp.oauth_required"] });
    const held = keeping.events.wait("held", { timeoutMs: 20_000 });
    const { sessionId } = await rpc.request("session.create", world.sessionParams());
    await held;
    const session = rpc.session(sessionId);
    // It appears by itself: the page was there before the request.
    await page.getByRole("link", { name: "Sign in…" }).click();
    await page.getByText(new URL(world.mcp.endpoint).host, { exact: true }).waitFor();
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await page.getByText("mcp.read").waitFor();
    await page.getByRole("link", { name: /^Continue to/ }).click();
    await page.getByRole("heading", { name: "Is this the right account?" }).waitFor();
    assert.not.match(page.url(), /code=|state=/);
    const connected = session.events.wait("session.mcp_server_status_changed", {
      where: ({ data }) => data.status === "connected",
      timeoutMs: 20_000,
    });
    await page.getByRole("button", { name: "Use this account" }).click();
    await connected;

    world.model.say({ tool: "whoami" });
    const turn = runTurn(session, "Who am I?", { timeoutMs: 60_000 });
    await page.getByRole("button", { name: "Allow once" }).click();
    await turn;
    assert.equal(world.model.toolResults(), ["ada"]);

    world.model.say({ tool: "whoami" });
    const denied = runTurn(session, "And now?", { timeoutMs: 60_000 });
    await page.getByRole("button", { name: "Deny" }).click();
    await denied;
    assert.is(world.mcp.runs.length, 1, "it ran once");
    assert.is(world.authorization.issued.byCode, 1);
  });

  const act: Partial<Record<ProvocationName, { open: string; act(): Promise<void>; result: RegExp }>> = {
    serverElicitation: {
      open: "Answer…",
      async act() {
        await page.getByLabel("colour").fill("green");
        await page.getByRole("button", { name: "Send" }).first().click();
      },
      result: /green/,
    },
    userInput: {
      open: "Answer…",
      async act() {
        await page.getByLabel("yes").check();
        await page.getByRole("button", { name: "Send" }).first().click();
      },
      result: /yes/,
    },
    externalTool: {
      open: "Answer…",
      async act() {
        await page.getByLabel("Result").fill("ticket 17");
        await page.getByRole("button", { name: "Send" }).first().click();
      },
      result: /ticket 17/,
    },
  };

  for (const [name, { open, act: fill, result }] of Object.entries(act))
    test(`${name}: what a person fills in reaches the model`, async () => {
      const row = provocations[name as ProvocationName];
      await using model = await startModel(...row.script);
      await using mcp = await startAskingServer();
      await using keeping = keep(keeperRpc, ledger, {
        ...{ principal: "ada", interest: row.interest, elicitation: true, kinds: [row.kind] },
      });
      const held = keeping.events.wait("held", { timeoutMs: 20_000 });
      const places = { modelUrl: model.baseUrl, mcpUrl: mcp.endpoint };
      const { sessionId } = await rpc.request("session.create", provokedParams(name as ProvocationName, places));
      await held;
      const session = rpc.session(sessionId);
      approvePermissions(session);
      const idle = session.events.wait("session.idle", { timeoutMs: 60_000 });
      const started = row.start(session);
      await page.getByRole("link", { name: open }).click();
      await fill();
      await settled(row.kind);
      await Promise.all([started, idle]);
      assert.match(model.toolResults().join("\n"), result);
    });
}
