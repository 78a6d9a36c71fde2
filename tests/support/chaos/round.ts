import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { type Entry, openLedger } from "latchkey/ledger";
import { openWorld, type Program, type TestRuntime } from "../world.js";
import { Actor } from "./actor.js";
import { countAgain, isAlive, logOf, secretsIn } from "./books.js";
import type { Blow, Schedule } from "./schedule.js";
import { createScriptedModel, promptOf } from "./scripted-model.js";

export interface Ground {
  readonly testRuntime: TestRuntime;
  /** An empty ledger's location, and the folder of its files where it has some. */
  readonly location: string;
  readonly folder?: string;
  readonly key: string;
  readonly log?: (line: string) => void;
}

export interface Report {
  readonly problems: readonly string[];
  readonly kills: number;
  readonly stops: number;
  readonly entries: number;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly tokens: number;
  /** Tokens that a broker obtained and could not write down, because it was struck in between. */
  readonly tokensAgain: number;
  /** Calls that the runtime made again, or that were made again because it was killed before their result was on its disk. */
  readonly runsAgain: number;
  /** Turns that stood still although nobody waited for an answer, so that the host ended them. */
  readonly stalls: number;
  readonly seconds: number;
  /** What happened, line by line. */
  readonly trace: readonly string[];
}

const limitMs = 60_000;
/** A host's patience with a turn in which nothing is open, once the last blow has fallen. */
const stallMs = 8_000;
const mortal = ["open", "answered", "sent"];

/** Plays one schedule to its end and checks the books. */
export async function playRound(schedule: Schedule, ground: Ground): Promise<Report> {
  const { testRuntime, location, key } = ground;
  const began = performance.now();
  const problems: string[] = [];
  const scriptedModel = createScriptedModel();
  await using world = await openWorld({ script: Array.from({ length: 400 }, () => scriptedModel.reply) });
  await using ledger = await openLedger(location, { key });
  const count = { kills: 0, stops: 0, upsets: 0, brokers: 0, revocations: 0, stalls: 0 };
  let sessionId = randomUUID();
  let made = false;
  let step = -1;
  /** A turn that the host was told to begin, and has not said the end of. */
  let turning = false;
  /** When something happened last; not before all blows have fallen. */
  let lastSign = Number.POSITIVE_INFINITY;
  const trace: string[] = [];
  const log = (text: string): void => {
    const line = `${((performance.now() - began) / 1000).toFixed(2)}  ${text}`;
    trace.push(line);
    ground.log?.(line);
  };

  const base = () => ({
    endpoint: testRuntime.runtime.endpoint,
    token: testRuntime.runtime.token,
    ledger: location,
    key,
  });
  const prompt = (again = false, abort = false): void => {
    const now = schedule.steps[step];
    if (!now || scriptedModel.done.has(step)) return;
    turning = true;
    host.tell({ type: "prompt", prompt: promptOf(step, now.kind), again, abort });
  };
  const open = async (): Promise<Entry[]> => (await ledger.list()).filter(({ state }) => mortal.includes(state));
  const host: Actor = new Actor({
    name: "resume-host",
    given: () => ({
      ...base(),
      places: world.places,
      sessionId,
      mode: made ? "resume" : "create",
      approve: !schedule.permissions,
    }),
    async onStart(program) {
      if (made) await resumed(program);
      else {
        await program.next("created");
        made = true;
        program.tell({ type: "go" });
        await program.next("ready");
      }
      log("host ready");
      turning = false;
      lastSign = Math.max(lastSign, performance.now());
      prompt();
      for (;;) {
        await program.next("idle");
        turning = false;
        lastSign = Math.max(lastSign, performance.now());
        log(`idle, step ${step} ${scriptedModel.done.has(step) ? "done" : "to be asked again"}`);
        if (!scriptedModel.done.has(step)) {
          await delay(250);
          prompt(true);
        }
      }
    },
  });
  async function resumed(program: Program): Promise<void> {
    const said = await Promise.race([program.next("ready"), program.next("refused")]);
    if (said.type === "ready") return;
    log(`refused: ${String(said.code)} ${String(said.message)}`);
    if (said.code === "NOT_RESUMABLE") {
      sessionId = randomUUID();
      made = false;
    }
    host.strike("SIGKILL");
    throw new Error("refused");
  }
  const keepers = Array.from(
    { length: schedule.keepers },
    () =>
      new Actor({ name: "resume-keeper", given: () => ({ ...base(), permissions: schedule.permissions, holds: [] }) }),
  );
  const brokers = Array.from(
    { length: schedule.brokers },
    (_, index) =>
      new Actor({ name: "resume-broker", given: () => ({ ledger: location, key, owner: `broker ${index}` }) }),
  );
  const actors = [host, ...keepers, ...brokers];

  let runtimeStruck = Promise.resolve();
  async function strikeRuntime(stopMs: number | undefined): Promise<void> {
    if (stopMs === undefined) return testRuntime.restart();
    process.kill(testRuntime.runtime.pid, "SIGSTOP");
    await delay(stopMs);
    process.kill(testRuntime.runtime.pid, "SIGCONT");
  }

  async function strike({ role, index, stopMs }: Blow): Promise<void> {
    log(`${stopMs === undefined ? "SIGKILL" : `SIGSTOP ${stopMs} ms`} ${role} ${index}`);
    if (stopMs === undefined) count.kills += 1;
    else count.stops += 1;
    if (role === "runtime") {
      count.upsets += 1;
      // One blow after the other: what is being started again cannot be struck.
      runtimeStruck = runtimeStruck.then(() => strikeRuntime(stopMs));
      return runtimeStruck;
    }
    const group = role === "host" ? [host] : role === "keeper" ? keepers : brokers;
    const actor = group[index % group.length];
    if (actor === undefined) return;
    if (role === "broker") count.brokers += 1;
    else count.upsets += 1;
    if (stopMs === undefined) return actor.strike("SIGKILL");
    actor.strike("SIGSTOP");
    await delay(stopMs);
    actor.strike("SIGCONT");
  }

  async function until(what: string, holds: () => boolean | Promise<boolean>, ms = limitMs): Promise<boolean> {
    for (const deadline = performance.now() + ms; performance.now() < deadline; await delay(25))
      if (await holds()) return true;
    problems.push(`${what} took longer than ${ms} ms`);
    return false;
  }

  try {
    await until("the session", () => made, 20_000);
    const blows = Promise.all(schedule.blows.map((blow) => delay(blow.at).then(() => strike(blow)))).then(() => {
      lastSign = performance.now();
    });
    /** A turn that stands still although nothing is open is ended and begun again, as a host would do it. */
    async function unstall(): Promise<void> {
      if (performance.now() - lastSign < stallMs) return;
      lastSign = performance.now();
      if ((await open()).length > 0) return;
      count.stalls += 1;
      log(`the turn stands still; the runtime's log ends with ${await logOf(testRuntime, sessionId)}`);
      prompt(true, true);
    }
    for (const [index, { revoke }] of schedule.steps.entries()) {
      if (revoke) {
        world.authorization.revokeAll();
        count.revocations += 1;
      }
      step = index;
      if (Number.isFinite(lastSign)) lastSign = performance.now();
      prompt();
      const isDone = async (): Promise<boolean> => {
        if (!scriptedModel.done.has(index)) await unstall();
        // A host that looks after its servers while the next turn runs would ask over a request that is open.
        return scriptedModel.done.has(index) && !turning;
      };
      if (!(await until(`step ${index}`, isDone))) break;
    }
    await blows;
    let left: Entry[] = [];
    await until(
      "closing the books",
      async () => {
        left = await open();
        return left.length === 0;
      },
      20_000,
    );
    for (const { id, kind, state, requestId } of left) problems.push(`${kind} ${id} (${requestId}) is still ${state}`);
    if (problems.length > 0) {
      log(`the host said ${JSON.stringify(host.messages.slice(-8))}`);
      for (const keeper of keepers) log(`a keeper said ${JSON.stringify(keeper.messages.slice(-6))}`);
      for (const broker of brokers) log(`a broker said ${JSON.stringify(broker.messages.slice(-4))}`);
      const asked = world.model.requests.at(-1);
      const tools = asked?.tools?.map(({ function: { name } }) => name).filter((name) => /ticket|echo/.test(name));
      log(`the model was offered ${tools}, after ${JSON.stringify(asked?.messages.slice(-6)).slice(0, 4000)}`);
      log(`the runtime's log ends with ${await logOf(testRuntime, sessionId)}`);
      log(
        `the server saw ${world.mcp.knocks.slice(-6).map(({ http, method, status }) => `${http} ${method} ${status}`)}`,
      );
    }
  } finally {
    await Promise.all(actors.map((actor) => actor.end()));
  }

  const entries = await ledger.list();
  const outcomes: Record<string, number> = {};
  for (const entry of entries) {
    const steps = await ledger.receipts(entry.id);
    log(
      `${entry.kind} ${entry.requestId}: ${steps.map(({ state, outcome, by }) => `${state}${outcome ? ` ${outcome}` : ""} by ${by}`).join(", ")}`,
    );
    const end = entry.outcome ?? entry.state;
    outcomes[end] = (outcomes[end] ?? 0) + 1;
    if (entry.outcome === "conflict") problems.push(`${entry.kind} ${entry.id} ended in a conflict`);
    const settlings = (await ledger.receipts(entry.id)).filter(({ state }) => state === "settled");
    if (settlings.length > 1) problems.push(`${entry.kind} ${entry.id} was settled ${settlings.length} times`);
  }
  const { byCode } = world.authorization.issued;
  const needs = 1 + count.revocations;
  const tokensAgain = Math.max(0, byCode - needs);
  if (tokensAgain > count.brokers)
    problems.push(`${byCode} tokens for ${needs} needs, ${count.brokers} brokers struck`);
  const runsAgain = countAgain(world, schedule, problems);
  if (runsAgain > count.upsets + count.stalls)
    problems.push(`${runsAgain} runs too many, after ${count.upsets} upsets`);
  for (const actor of actors) problems.push(...actor.complaints);
  for (const actor of actors) for (const pid of actor.pids) if (isAlive(pid)) problems.push(`process ${pid} is left`);
  if (ground.folder !== undefined) problems.push(...(await secretsIn(ground.folder, world)));
  problems.push(...(await secretsIn(testRuntime.home, world)));
  return {
    problems,
    kills: count.kills,
    stops: count.stops,
    entries: entries.length,
    outcomes,
    tokens: byCode,
    tokensAgain,
    runsAgain,
    stalls: count.stalls,
    seconds: (performance.now() - began) / 1000,
    trace,
  };
}
