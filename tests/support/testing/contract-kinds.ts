/** What a runtime makes of answers, kind by kind, and what becomes of a question when somebody dies. */
import { kinds } from "latchkey/pending";
import * as assert from "uvu/assert";
import { type ProvocationName, provocationNames, provocations } from "../kinds/provocations.js";
import { create, interest, type Of, outcome, type Register, turn } from "./contract.js";
import type { Scenario, Subject } from "./subject.js";
import type { Data, Wire } from "./wire.js";

interface Facts {
  /** What answers it, beside session and request id. */
  readonly good: Data;
  /** What does not, and what the runtime says to it. */
  readonly bad?: Data;
  /** The error of an answer without its body; none where that is taken. */
  readonly missing?: string;
  /** What the completed event says besides the request id. */
  readonly told: Data;
  /** What the tool call came to, in the words of the event. */
  readonly effect?: RegExp;
  /** What a tool call came to after rubbish. */
  readonly spoilt?: RegExp;
}

const colour = { action: "accept", content: { colour: "green" } };
const facts: Readonly<Record<Exclude<ProvocationName, "headers">, Facts>> = {
  permission: {
    good: { result: { kind: "approve-once" } },
    bad: { result: { kind: "nonsense" } },
    told: { result: { kind: "approved" } },
    effect: /"success":true/,
    spoilt: /malformed/,
  },
  externalTool: {
    good: { result: "ticket 17" },
    bad: { result: 5 },
    told: {},
    effect: /ticket 17/,
    spoilt: /"content":""/,
  },
  elicitation: {
    good: { result: colour },
    bad: { result: { action: "perhaps" } },
    missing: "missing parameter 'result'",
    told: colour,
  },
  serverElicitation: {
    good: { result: colour },
    bad: { result: { action: "perhaps" } },
    missing: "missing parameter 'result'",
    told: colour,
    effect: /green/,
    spoilt: /-32603/,
  },
  userInput: {
    good: { response: { answer: "yes", wasFreeform: false } },
    bad: { response: { answer: 5 } },
    missing: "missing parameter 'response'",
    told: { answer: "yes", wasFreeform: false },
    effect: /User selected: yes/,
    spoilt: /User selected: 5/,
  },
  exitPlanMode: {
    good: { response: { approved: true, selectedAction: "exit_only" } },
    bad: { response: { approved: "x" } },
    missing: "missing parameter 'response'",
    told: { approved: true, selectedAction: "exit_only" },
    effect: /Plan approved/,
  },
  sampling: {
    good: { response: { role: "assistant", content: { type: "text", text: "seven" }, model: "none" } },
    bad: { response: {} },
    told: {},
    effect: /seven/,
    spoilt: /-32603/,
  },
  command: { good: {}, bad: { error: 5 }, told: {} },
  queuedCommand: {
    good: { result: { handled: true } },
    bad: { result: { handled: "x" } },
    missing: "missing parameter 'result'",
    told: {},
  },
};

const names = provocationNames.filter((name): name is keyof typeof facts => name !== "headers");

interface Questioned extends Of {
  readonly scenario: Scenario;
  readonly requestId: unknown;
}

/** Permissions of a call that is to ask something else are approved. */
async function approve(wire: Wire, of: Of): Promise<void> {
  for (let n = 1; ; n += 1) {
    const asking = await wire.event(of.sessionId, "permission.requested", n).catch(() => undefined);
    if (!asking) return;
    const params = { ...of, requestId: asking.data.requestId, result: { kind: "approve-once" } };
    await wire.call("session.permissions.handlePendingPermissionRequest", params).catch(() => undefined);
  }
}

/** Brings a session to ask; whoever listens in `wire` must be attached. */
async function question(
  wire: Wire,
  name: ProvocationName,
  more: Data = {},
  { first, byInterest = true, subject }: { first?: (of: Of) => Promise<void>; byInterest?: boolean; subject: Subject },
): Promise<Questioned> {
  const row = provocations[name];
  const scenario = await subject.scenario(name, more);
  const of = await create(wire, scenario);
  await first?.(of);
  if (byInterest) await interest(wire, of, ...row.interest);
  start(wire, of, name, scenario);
  const { data } = await wire.event(of.sessionId, row.kind);
  return { ...of, scenario, requestId: data.requestId };
}

function start(wire: Wire, of: Of, name: ProvocationName, scenario: Scenario): void {
  scenario.script(of.sessionId, name);
  if (name !== "permission") void approve(wire, of);
  const request = (method: string, params: object = {}): Promise<Data> =>
    wire.ok(`session.${method}`, { ...of, ...params });
  // What a call comes to is for the tests that look.
  provocations[name].start({ request } as never).catch(() => undefined);
}

const give = async (
  wire: Wire,
  name: ProvocationName,
  of: Of & { requestId?: unknown },
  body: Data,
): Promise<unknown> => {
  const { sessionId, requestId } = of;
  const reply = await wire.call(kinds[provocations[name].kind].respond, { sessionId, requestId, ...body });
  return reply.error ? reply.error.message.replace(/^.* failed with message: /, "") : reply.result?.success;
};

export const answersContract: Register = (test, subject) => {
  for (const name of names) {
    const row = provocations[name];
    const { good, bad, missing, told, effect, spoilt } = facts[name];
    const isCommand = name === "command";

    test(`${row.kind} by ${row.by}: an outsider answers it, once`, async () => {
      await using wire = await subject().connect();
      await using outsider = await subject().connect();
      const of = await question(wire, name, {}, { subject: subject() });
      await using _ = of.scenario;
      assert.is(await give(outsider, name, { ...of, requestId: "nobody" }, good), isCommand);
      assert.match(String(await give(outsider, name, { ...of, requestId: undefined }, good)), /'requestId'/);
      assert.match(String(await give(outsider, name, { ...of, requestId: 5 }, good)), /'requestId'/);
      if (missing !== undefined) assert.is(await give(outsider, name, of, {}), missing);
      assert.is(await give(outsider, name, of, good), true);
      const done = await wire.event(of.sessionId, kinds[row.kind].completed, name === "permission" ? 1 : 1);
      const { requestId, toolCallId: __, ...rest } = done.data;
      assert.equal([requestId, rest], [of.requestId, told]);
      if (effect)
        assert.match(JSON.stringify((await wire.event(of.sessionId, "tool.execution_complete")).data), effect);
      assert.is(await give(outsider, name, of, good), isCommand);
    });

    if (bad)
      test(`${row.kind} by ${row.by}: rubbish is taken, and spoils the call`, async () => {
        await using wire = await subject().connect();
        const of = await question(wire, name, {}, { subject: subject() });
        await using _ = of.scenario;
        assert.is(await give(wire, name, of, bad), true);
        const done = await wire.event(of.sessionId, kinds[row.kind].completed);
        assert.is(done.data.requestId, of.requestId);
        assert.is(await give(wire, name, of, good), isCommand, "consumed");
        if (spoilt)
          assert.match(JSON.stringify((await wire.event(of.sessionId, "tool.execution_complete")).data), spoilt);
        if (name === "exitPlanMode")
          assert.is((await wire.event(of.sessionId, "tool.execution_complete")).data.success, subject().older);
      });
  }

  test("headers: what is none is an error, and the request waits on; `mcp.list` waits for them", async () => {
    await using wire = await subject().connect();
    await using scenario = await subject().scenario("headers");
    const of = await create(wire, scenario);
    await interest(wire, of, "mcp.headers_refresh_required");
    const listed = wire.ok("session.mcp.list", of);
    const { data } = await wire.event(of.sessionId, "mcp.headers_refresh_required");
    assert.is(data.reason, "startup");
    const says = async (result?: unknown) =>
      give(wire, "headers", { ...of, requestId: data.requestId }, result === undefined ? {} : { result });
    assert.match(String(await says()), "requires an object parameter 'result'");
    assert.match(String(await says({ kind: "nonsense" })), "requires result.kind to be");
    assert.match(String(await says({ kind: "headers" })), "requires 'headers' to be an object of string values");
    assert.is(await outcome(subject(), listed), "blocked");
    const result = { kind: "headers", headers: { "x-pass": "let me in" }, ttlMs: 60_000 };
    assert.is(await says(result), true);
    assert.is((await wire.event(of.sessionId, "mcp.headers_refresh_completed")).data.outcome, "headers");
    assert.is(await says(result), false);
    const { servers } = (await listed) as { servers: { status: string }[] };
    assert.is(servers[0]?.status, "connected");
  });

  const disabled: [ProvocationName, Data, boolean][] = [
    ["permission", { requestPermission: false }, true],
    ["serverElicitation", { requestElicitation: false }, true],
    ["userInput", {}, false],
    ["exitPlanMode", {}, false],
    ["sampling", {}, false],
  ];
  for (const [name, more] of disabled)
    test(`${provocations[name].kind} by ${provocations[name].by}: not asked where nothing enables it`, async () => {
      await using wire = await subject().connect();
      await using scenario = await subject().scenario(name, more);
      const of = await create(wire, scenario);
      start(wire, of, name, scenario);
      if (name === "sampling" && !subject().older) {
        await wire.event(of.sessionId, "sampling.requested");
        return;
      }
      await wire.event(of.sessionId, "session.idle");
      assert.equal(wire.events(of.sessionId, provocations[name].kind), []);
    });

  test("command.queued without interest: dropped in silence", async () => {
    await using wire = await subject().connect();
    const of = await create(wire);
    assert.is((await wire.ok("session.commands.enqueue", { ...of, command: "/brew green" })).queued, true);
    await wire.event(of.sessionId, "session.idle");
    assert.equal(wire.events(of.sessionId, "command.queued"), []);
  });

  test("a permission that is asked for since an attach, in a session that was made without", async () => {
    await using wire = await subject().connect();
    await using holder = await subject().connect();
    await using scenario = await subject().scenario("permission", { requestPermission: false });
    const of = await create(wire, scenario);
    await holder.ok("session.resume", { ...of, disableResume: true, requestPermission: true });
    start(wire, of, "permission", scenario);
    const { data } = await wire.event(of.sessionId, "permission.requested");
    const { items } = (await wire.ok("session.permissions.pendingRequests", of)) as { items: { requestId: unknown }[] };
    assert.equal(
      items.map(({ requestId }) => requestId),
      [data.requestId],
    );
  });
};

/** What is written down last before the runtime waits. */
const lastSign = {
  permission: '"permission.requested"',
  externalTool: '"external_tool.requested"',
  serverElicitation: '"permission.completed"',
  userInput: '"tool.execution_start"',
};

export const deathContract: Register = (test, subject) => {
  const waits = [
    "permission",
    "externalTool",
    "userInput",
    "exitPlanMode",
    "sampling",
    "queuedCommand",
    "command",
  ] as const;
  for (const name of waits)
    test(`${provocations[name].kind}: waits on when its owner drops and a holder stays`, async () => {
      const owner = await subject().connect();
      await using holder = await subject().connect();
      const hold = async (of: Of) => void (await holder.ok("session.resume", { ...of, disableResume: true }));
      const of = await question(owner, name, {}, { first: hold, subject: subject() });
      await using _ = of.scenario;
      await owner.close();
      assert.is(await give(holder, name, of, facts[name].good), true);
      await holder.event(of.sessionId, kinds[provocations[name].kind].completed);
    });

  test("elicitation of a server: cancelled with the last connection that can elicit, else waits on", async () => {
    for (const flag of [false, true]) {
      const owner = await subject().connect();
      await using holder = await subject().connect();
      const hold = async (of: Of) =>
        void (await holder.ok("session.resume", { ...of, disableResume: true, requestElicitation: flag }));
      const of = await question(owner, "serverElicitation", {}, { first: hold, subject: subject() });
      await using _ = of.scenario;
      await owner.close();
      if (!flag) assert.is((await holder.event(of.sessionId, "elicitation.completed")).data.action, "cancel");
      assert.is(await give(holder, "serverElicitation", of, facts.serverElicitation.good), flag);
    }
  });

  // Of a plan with both, either runtime has been seen to do either.
  for (const [name, flag, byInterest] of [
    ["userInput", "requestUserInput", false],
    ["userInput", "requestUserInput", true],
    ["exitPlanMode", "requestExitPlanMode", false],
  ] as const)
    test(`${provocations[name].kind} by flag${byInterest ? " and interest" : ""}, when its owner drops`, async () => {
      const owner = await subject().connect();
      await using holder = await subject().connect();
      const first = async (of: Of) => void (await holder.ok("session.resume", { ...of, disableResume: true }));
      const of = await question(owner, name, { [flag]: true }, { first, byInterest, subject: subject() });
      await using _ = of.scenario;
      if (!byInterest) await owner.other(({ method }) => String(method).endsWith(".request"));
      await owner.close();
      if (!byInterest) await holder.event(of.sessionId, kinds[provocations[name].kind].completed);
      assert.is(await give(holder, name, of, facts[name].good), byInterest);
    });

  for (const how of ["suspend", "abort"] as const)
    test(`${how}: permissions and tools are cancelled, a first token and \`ui.elicitation\` stay, user input is taken and unheard`, async () => {
      await using wire = await subject().connect();
      const broken = async (name: "permission" | "externalTool" | "userInput" | "elicitation"): Promise<unknown> => {
        const of = await question(wire, name, {}, { subject: subject() });
        await using _ = of.scenario;
        const { sessionId } = of;
        const idle = wire.events(sessionId, "session.idle").length;
        await wire.ok(`session.${how}`, { sessionId });
        if (name !== "elicitation") await wire.event(sessionId, "session.idle", idle + 1);
        const ended = wire.events(sessionId, kinds[provocations[name].kind].completed).length;
        return [ended, await give(wire, name, of, facts[name].good)];
      };
      assert.equal(await broken("permission"), [1, false]);
      assert.equal(await broken("externalTool"), [1, false]);
      assert.equal(await broken("userInput"), [0, true]);
      assert.equal(await broken("elicitation"), [0, true]);
    });

  for (const name of ["permission", "externalTool", "serverElicitation", "userInput"] as const)
    for (const goOn of [true, false])
      test(`${provocations[name].kind} by ${provocations[name].by}, over a killed runtime, continuePendingWork ${goOn}`, async () => {
        const wire = await subject().connect();
        const of = await question(wire, name, {}, { first: (each) => turn(wire, each), subject: subject() });
        await using _ = of.scenario;
        const { sessionId } = of;
        await subject().onDisk(sessionId, lastSign[name]);
        await subject().restart();
        await using next = await subject().connect();
        await next.ok("session.resume", { ...of.scenario.params, sessionId, continuePendingWork: goOn });
        const survives = goOn && (name === "permission" || name === "externalTool");
        const { items } = (await next.ok("session.permissions.pendingRequests", { sessionId })) as {
          items: { requestId: unknown }[];
        };
        const listed = name === "permission" && (survives || subject().older);
        assert.equal(
          items.map(({ requestId }) => requestId),
          listed ? [of.requestId] : [],
        );
        assert.is(await give(next, name, of, facts[name].good), survives);
        if (survives) {
          await next.event(sessionId, "tool.execution_complete");
          await next.event(sessionId, "session.idle");
          assert.equal(next.events(sessionId, provocations[name].kind), [], "not announced again");
        } else if (goOn && name === "serverElicitation" && subject().older) {
          const again = await next.event(sessionId, "elicitation.requested");
          assert.is.not(again.data.requestId, of.requestId);
        } else if (goOn) {
          const { data } = await next.event(sessionId, "tool.execution_complete");
          assert.equal([data.success, data.interactionId], [false, "resume"]);
        }
      });
};
