import { randomUUID } from "node:crypto";
import * as assert from "uvu/assert";
import { Processes } from "../../support/resume/processes.js";
import { suite } from "../../support/suite.js";
import { onDisk, type Program, runtimes } from "../../support/world.js";

for (const under of runtimes) {
  const test = suite(`Resume with several kinds, on ${under.name}`, { timeoutMs: 60_000 });

  test("permission and external tool wait over a killed runtime, one answered before the resume, one after", async () => {
    await using processes = await Processes.open(under);
    const permitted = await connected(processes, { approve: false });
    const { world, testRuntime, sessionId, ledger } = processes;
    const second = randomUUID();
    const ticketed = await connected(processes, { sessionId: second });
    world.model.say({ tool: "whoami" });
    permitted.tell({ type: "prompt", prompt: "Who am I?" });
    const permission = await processes.entry(({ kind, state }) => kind === "permission.requested" && state === "open");
    world.model.say({ tool: "ticket" });
    ticketed.tell({ type: "prompt", prompt: "A ticket, please." });
    const tool = await processes.entry(({ kind, state }) => kind === "external_tool.requested" && state === "open");
    await onDisk(testRuntime.home, sessionId, permission.requestId);
    await onDisk(testRuntime.home, second, tool.requestId);
    await processes.killRuntime(permitted, ticketed);

    await ledger.answer(tool.id, { result: "ticket 17" });
    const again = [
      await processes.host("resume", { sessionId: second }),
      await processes.host("resume", { approve: false }),
    ];
    const [toolHost, permissionHost] = again;
    assert.ok(toolHost && permissionHost);
    assert.equal((await toolHost.next("ready")).lost, []);
    const { lost, waiting } = await permissionHost.next("ready");
    assert.equal(lost, []);
    assert.equal(waiting, [{ kind: "permission.requested", requestId: permission.requestId }]);
    await processes.entry(({ id, outcome }) => id === tool.id && outcome === "accepted");
    await toolHost.next("idle");
    assert.ok(world.model.toolResults().includes("ticket 17"));

    await ledger.answer(permission.id, { kind: "approve-once" });
    await processes.entry(({ id, outcome }) => id === permission.id && outcome === "accepted");
    await permissionHost.next("idle");
    assert.equal(processes.tools(), ["whoami"]);
    for (const entry of [tool, permission]) assert.is((await ledger.get(entry.id))?.outcome, "accepted");
    assert.is((await ledger.list({ kind: "permission.requested" })).length, 1, "one entry, not two");
  });

  test("an answer that the runtime took and had not on disk when it was killed is given again", async () => {
    await using processes = await Processes.open(under);
    const { world, testRuntime, sessionId, ledger } = processes;
    const host = await connected(processes, { deliver: false });
    world.model.say({ tool: "ticket" });
    host.tell({ type: "prompt", prompt: "A ticket, please." });
    const { id, requestId } = await processes.entry(
      ({ kind, state }) => kind === "external_tool.requested" && state === "open",
    );
    await onDisk(testRuntime.home, sessionId, requestId);
    // The runtime of another moment took it; this one has never heard of it.
    await host.kill();
    await processes.testRuntime.restart();
    await ledger.answer(id, { result: "ticket 17" });
    const delivery = await ledger.deliver(id, { owner: "the earlier one" });
    await delivery?.settle({ accepted: true });
    const next = await processes.host("resume", { deliver: false });
    assert.equal((await next.next("ready")).waiting, [{ kind: "external_tool.requested", requestId }]);
    await next.next("idle");
    assert.ok(world.model.toolResults().includes("ticket 17"));
    assert.is((await ledger.get(id))?.outcome, "accepted");
    assert.match((await ledger.receipts(id)).at(-1)?.reason ?? "", "killed before");
  });

  test("an answer of somebody else that the runtime had not on disk when it was killed is asked for again", async () => {
    await using processes = await Processes.open(under);
    const { world, testRuntime, sessionId, ledger } = processes;
    const host = await connected(processes, { deliver: false });
    world.model.say({ tool: "ticket" });
    host.tell({ type: "prompt", prompt: "A ticket, please." });
    const { id, kind, requestId } = await processes.entry((entry) => entry.kind === "external_tool.requested");
    await onDisk(testRuntime.home, sessionId, requestId);
    await host.kill();
    await processes.testRuntime.restart();
    // The runtime of another moment was answered by another client, and said so.
    await ledger.completed({ kind, sessionId, requestId });
    assert.is((await ledger.get(id))?.outcome, "elsewhere");
    const next = await processes.host("resume");
    const ready = await next.next("ready");
    assert.equal([ready.waiting, ready.reopened], [[{ kind, requestId }], [id]]);
    const open = await ledger.get(id);
    assert.equal([open?.state, open?.outcome], ["open", undefined]);
    await processes.broker();
    await next.next("idle");
    assert.ok(world.model.toolResults().includes("ticket 17"));
    assert.is((await processes.entry((entry) => entry.id === id && entry.state === "settled")).outcome, "accepted");
    const states = (await ledger.receipts(id)).map(({ state }) => state);
    assert.equal(states, ["open", "settled", "open", "answered", "sent", "settled"]);
  });

  test("OAuth inside a tool call brings a second permission request, related to the first", async () => {
    await using processes = await Processes.open(under);
    const host = await connected(processes, { approve: false });
    const { world, ledger } = processes;
    const broker = await processes.broker();
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
    assert.equal(processes.tools(), ["echo", "whoami"]);
  });

  test("everything is killed at once, and started again from the ledger and the host's own params", async () => {
    await using processes = await Processes.open(under);
    const { world, testRuntime } = processes;
    const sessions = [processes.sessionId, randomUUID(), randomUUID()];
    const [oauth = "", permission = "", ticket = ""] = sessions;
    const hosts: Program[] = [];
    for (const sessionId of sessions)
      hosts.push(await connected(processes, { sessionId, approve: sessionId !== permission }));
    const [asksToken, asksPermission, asksTicket] = hosts;
    world.model.say({ tool: "whoami" });
    asksPermission?.tell({ type: "prompt", prompt: "Who am I?" });
    const waitsPermission = await processes.entry(
      ({ kind, state }) => kind === "permission.requested" && state === "open",
    );
    world.model.say({ tool: "ticket" });
    asksTicket?.tell({ type: "prompt", prompt: "A ticket, please." });
    const waitsTicket = await processes.entry(
      ({ kind, state }) => kind === "external_tool.requested" && state === "open",
    );
    world.model.say({ tool: "write", arguments: { text: "a note" } });
    asksToken?.tell({ type: "prompt", prompt: "Write it down." });
    const waitsToken = await processes.entry(({ kind, state }) => kind === "mcp.oauth_required" && state === "open");
    await onDisk(testRuntime.home, oauth, "notes-write");
    await onDisk(testRuntime.home, permission, waitsPermission.requestId);
    await onDisk(testRuntime.home, ticket, waitsTicket.requestId);
    const keeper = await processes.keeper({ holds: sessions });
    const broker = await processes.broker({ kinds: ["user_input.requested"] });
    await processes.killRuntime(...hosts, keeper, broker);

    await processes.broker();
    const before = await processes.entry(({ id, state }) => id === waitsToken.id && state === "answered");
    assert.is(before.state, "answered");
    const again: Program[] = [];
    for (const sessionId of sessions)
      again.push(await processes.host("resume", { sessionId, approve: sessionId !== permission }));
    for (const [index, host] of again.entries()) {
      const ready = await host.next("ready");
      assert.equal(ready.lost, index === 0 ? [waitsToken.id] : []);
      assert.equal(ready.seeded, ["notes"]);
    }
    for (const { id } of [waitsPermission, waitsTicket])
      await processes.entry((entry) => entry.id === id && entry.outcome === "accepted");
    await world.mcp.ran("whoami");
    if (!under.retries) {
      world.model.say({ tool: "write", arguments: { text: "a note" } });
      again[0]?.tell({ type: "prompt", prompt: "Write it down." });
    }
    await world.mcp.ran("write");
    assert.equal(processes.tools().sort(), ["whoami", "write"]);
    await processes.closedBooks();
    assert.is(world.authorization.issued.byCode, 2, "one for all sessions, and one of a wider scope");
  });

  /** A session that is connected, has a user message, and nothing open. */
  async function connected(
    processes: Processes,
    more: { sessionId?: string; approve?: boolean; deliver?: boolean },
  ): Promise<Program> {
    const host = await processes.host("create", more);
    const broker = await processes.broker({ kinds: ["mcp.oauth_required"] });
    const keeper =
      more.deliver === false ? await processes.keeper({ holds: [more.sessionId ?? processes.sessionId] }) : undefined;
    await processes.ready(host);
    await host.next("connected");
    await keeper?.kill();
    await broker.kill();
    host.tell({ type: "prompt", prompt: "Hello." });
    await host.next("idle");
    return host;
  }
}
