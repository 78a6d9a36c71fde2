import { randomUUID } from "node:crypto";
import * as assert from "uvu/assert";
import { Troupe } from "../../support/resume/troupe.js";
import { suite } from "../../support/suite.js";
import { onDisk, type Program, runtimes } from "../../support/world.js";

for (const under of runtimes) {
  const test = suite(`Resume with several kinds, on ${under.name}`, { timeoutMs: 60_000 });

  test("permission and external tool wait over a killed runtime, one answered before the resume, one after", async () => {
    await using troupe = await Troupe.open(under);
    const permitted = await connected(troupe, { approve: false });
    const { world, stage, sessionId, ledger } = troupe;
    const second = randomUUID();
    const ticketed = await connected(troupe, { sessionId: second });
    world.model.say({ tool: "whoami" });
    permitted.tell({ type: "prompt", prompt: "Who am I?" });
    const permission = await troupe.entry(({ kind, state }) => kind === "permission.requested" && state === "open");
    world.model.say({ tool: "ticket" });
    ticketed.tell({ type: "prompt", prompt: "A ticket, please." });
    const tool = await troupe.entry(({ kind, state }) => kind === "external_tool.requested" && state === "open");
    await onDisk(stage.home, sessionId, permission.requestId);
    await onDisk(stage.home, second, tool.requestId);
    await troupe.killRuntime(permitted, ticketed);

    await ledger.answer(tool.id, { result: "ticket 17" });
    const again = [await troupe.host("resume", { sessionId: second }), await troupe.host("resume", { approve: false })];
    const [toolHost, permissionHost] = again;
    assert.ok(toolHost && permissionHost);
    assert.equal((await toolHost.next("ready")).lost, []);
    const { lost, waiting } = await permissionHost.next("ready");
    assert.equal(lost, []);
    assert.equal(waiting, [{ kind: "permission.requested", requestId: permission.requestId }]);
    await troupe.entry(({ id, outcome }) => id === tool.id && outcome === "accepted");
    await toolHost.next("idle");
    assert.ok(world.model.toolResults().includes("ticket 17"));

    await ledger.answer(permission.id, { kind: "approve-once" });
    await troupe.entry(({ id, outcome }) => id === permission.id && outcome === "accepted");
    await permissionHost.next("idle");
    assert.equal(troupe.tools(), ["whoami"]);
    for (const entry of [tool, permission]) assert.is((await ledger.get(entry.id))?.outcome, "accepted");
    assert.is((await ledger.list({ kind: "permission.requested" })).length, 1, "one entry, not two");
  });

  test("an answer that the runtime took and had not on disk when it was killed is given again", async () => {
    await using troupe = await Troupe.open(under);
    const { world, stage, sessionId, ledger } = troupe;
    const host = await connected(troupe, { deliver: false });
    world.model.say({ tool: "ticket" });
    host.tell({ type: "prompt", prompt: "A ticket, please." });
    const { id, requestId } = await troupe.entry(
      ({ kind, state }) => kind === "external_tool.requested" && state === "open",
    );
    await onDisk(stage.home, sessionId, requestId);
    // The runtime of another moment took it; this one has never heard of it.
    await host.kill();
    await troupe.stage.restart();
    await ledger.answer(id, { result: "ticket 17" });
    const delivery = await ledger.deliver(id, { owner: "the earlier one" });
    await delivery?.settle({ accepted: true });
    const next = await troupe.host("resume", { deliver: false });
    assert.equal((await next.next("ready")).waiting, [{ kind: "external_tool.requested", requestId }]);
    await next.next("idle");
    assert.ok(world.model.toolResults().includes("ticket 17"));
    assert.is((await ledger.get(id))?.outcome, "accepted");
    assert.match((await ledger.receipts(id)).at(-1)?.reason ?? "", "killed before");
  });

  test("an answer of somebody else that the runtime had not on disk when it was killed is asked for again", async () => {
    await using troupe = await Troupe.open(under);
    const { world, stage, sessionId, ledger } = troupe;
    const host = await connected(troupe, { deliver: false });
    world.model.say({ tool: "ticket" });
    host.tell({ type: "prompt", prompt: "A ticket, please." });
    const { id, kind, requestId } = await troupe.entry((entry) => entry.kind === "external_tool.requested");
    await onDisk(stage.home, sessionId, requestId);
    await host.kill();
    await troupe.stage.restart();
    // The runtime of another moment was answered by another client, and said so.
    await ledger.completed({ kind, sessionId, requestId });
    assert.is((await ledger.get(id))?.outcome, "elsewhere");
    const next = await troupe.host("resume");
    const ready = await next.next("ready");
    assert.equal([ready.waiting, ready.reopened], [[{ kind, requestId }], [id]]);
    const open = await ledger.get(id);
    assert.equal([open?.state, open?.outcome], ["open", undefined]);
    await troupe.broker();
    await next.next("idle");
    assert.ok(world.model.toolResults().includes("ticket 17"));
    assert.is((await troupe.entry((entry) => entry.id === id && entry.state === "settled")).outcome, "accepted");
    const states = (await ledger.receipts(id)).map(({ state }) => state);
    assert.equal(states, ["open", "settled", "open", "answered", "sent", "settled"]);
  });

  test("OAuth inside a tool call brings a second permission request, related to the first", async () => {
    await using troupe = await Troupe.open(under);
    const host = await connected(troupe, { approve: false });
    const { world, ledger } = troupe;
    const broker = await troupe.broker();
    // One call with a good token first: 1.0.85 asks for a token inside a call only once the server was used.
    world.model.say({ tool: "echo", arguments: { text: "here" } });
    host.tell({ type: "prompt", prompt: "Are you there?" });
    await host.next("idle");
    world.authorization.revokeAll();
    world.model.say({ tool: "whoami" });
    host.tell({ type: "prompt", prompt: "Who am I?" });
    await host.next("idle");
    await broker.kill();
    const asked = (await ledger.list({ kind: "permission.requested" })).slice(1);
    assert.is(asked.length, 2);
    const [first, second] = asked;
    assert.is.not(first?.requestId, second?.requestId);
    assert.is(first?.intent, second?.intent);
    assert.equal([first?.outcome, second?.outcome], ["accepted", "accepted"]);
    assert.equal(troupe.tools(), ["echo", "whoami"]);
  });

  test("everything is killed at once, and started again from the ledger and the host's own params", async () => {
    await using troupe = await Troupe.open(under);
    const { world, stage } = troupe;
    const sessions = [troupe.sessionId, randomUUID(), randomUUID()];
    const [oauth = "", permission = "", ticket = ""] = sessions;
    const hosts: Program[] = [];
    for (const sessionId of sessions)
      hosts.push(await connected(troupe, { sessionId, approve: sessionId !== permission }));
    const [asksToken, asksPermission, asksTicket] = hosts;
    world.model.say({ tool: "whoami" });
    asksPermission?.tell({ type: "prompt", prompt: "Who am I?" });
    const waitsPermission = await troupe.entry(
      ({ kind, state }) => kind === "permission.requested" && state === "open",
    );
    world.model.say({ tool: "ticket" });
    asksTicket?.tell({ type: "prompt", prompt: "A ticket, please." });
    const waitsTicket = await troupe.entry(({ kind, state }) => kind === "external_tool.requested" && state === "open");
    world.model.say({ tool: "write", arguments: { text: "a note" } });
    asksToken?.tell({ type: "prompt", prompt: "Write it down." });
    const waitsToken = await troupe.entry(({ kind, state }) => kind === "mcp.oauth_required" && state === "open");
    await onDisk(stage.home, oauth, "notes-write");
    await onDisk(stage.home, permission, waitsPermission.requestId);
    await onDisk(stage.home, ticket, waitsTicket.requestId);
    const keeper = await troupe.keeper({ holds: sessions });
    const broker = await troupe.broker({ kinds: ["user_input.requested"] });
    await troupe.killRuntime(...hosts, keeper, broker);

    await troupe.broker();
    const before = await troupe.entry(({ id, state }) => id === waitsToken.id && state === "answered");
    assert.is(before.state, "answered");
    const again: Program[] = [];
    for (const sessionId of sessions)
      again.push(await troupe.host("resume", { sessionId, approve: sessionId !== permission }));
    for (const [index, host] of again.entries()) {
      const ready = await host.next("ready");
      assert.equal(ready.lost, index === 0 ? [waitsToken.id] : []);
      assert.equal(ready.seeded, ["notes"]);
    }
    for (const { id } of [waitsPermission, waitsTicket])
      await troupe.entry((entry) => entry.id === id && entry.outcome === "accepted");
    await world.mcp.ran("whoami");
    if (!under.retries) {
      world.model.say({ tool: "write", arguments: { text: "a note" } });
      again[0]?.tell({ type: "prompt", prompt: "Write it down." });
    }
    await world.mcp.ran("write");
    assert.equal(troupe.tools().sort(), ["whoami", "write"]);
    await troupe.closedBooks();
    assert.is(world.authorization.issued.byCode, 2, "one for all sessions, and one of a wider scope");
  });

  /** A session that is connected, has a user message, and nothing open. */
  async function connected(
    troupe: Troupe,
    more: { sessionId?: string; approve?: boolean; deliver?: boolean },
  ): Promise<Program> {
    const host = await troupe.host("create", more);
    const broker = await troupe.broker({ kinds: ["mcp.oauth_required"] });
    const keeper =
      more.deliver === false ? await troupe.keeper({ holds: [more.sessionId ?? troupe.sessionId] }) : undefined;
    await troupe.ready(host);
    await host.next("connected");
    await keeper?.kill();
    await broker.kill();
    host.tell({ type: "prompt", prompt: "Hello." });
    await host.next("idle");
    return host;
  }
}
