/**
 * A round of chaos in one process: the fake runtime, a ledger on disk, and hosts, keepers and brokers that are killed with their
 * connections and their ledgers. Faults on the wire come besides. It takes parts of a second where a round of processes takes many.
 */
import { setTimeout as delay } from "node:timers/promises";
import { LedgerError } from "latchkey";
import { registerInterest } from "latchkey/events";
import { deliverAnswers, keep, recordPending } from "latchkey/keeper";
import { type Entry, openLedger } from "latchkey/ledger";
import { resume } from "latchkey/pending";
import type { Rpc } from "latchkey/rpc";
import { type FakeReply, fakeRuntime } from "latchkey/testing";
import { key } from "../ledger/place.js";
import type { FakeSchedule } from "./fake-schedule.js";
import { type Mortal, openMortal } from "./mortal.js";

export interface FakeReport {
  readonly problems: readonly string[];
  readonly kills: number;
  readonly entries: number;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly tokens: number;
  readonly tokensAgain: number;
  readonly stalls: number;
  readonly seconds: number;
  readonly trace: readonly string[];
}

const limitMs = 60_000;
/** Longer than a request takes on a machine with other work. */
const requestMs = 2000;
/** A host's patience with a turn in which nothing is open. */
const stallMs = 400;
const leaseMs = 600;
const live = ["open", "answered", "sent"];
const principal = "ada";
const sessionId = "3f0c2f5e-9f43-4b0c-8b6f-6d5a1c7e2b10";
const params = {
  requestPermission: true,
  tools: [{ name: "ticket", description: "Makes a ticket.", parameters: { type: "object", properties: {} } }],
  mcpServers: {
    notes: {
      type: "http" as const,
      url: "https://notes.example/mcp",
      tools: ["*"],
      oauthClientId: "c",
      oauthPublicClient: true,
    },
  },
};

export async function playFakeRound(schedule: FakeSchedule, location: string): Promise<FakeReport> {
  return await new Round(schedule, location).play();
}

class Round {
  readonly #began = performance.now();
  readonly #problems: string[] = [];
  readonly #trace: string[] = [];
  readonly #lives = new Map<string, Mortal>();
  readonly #dead: Mortal[] = [];
  readonly #good = new Set<string>();
  readonly #count = { kills: 0, upsets: 0, brokers: 0, revocations: 0, tokens: 0, stalls: 0 };
  #over = false;
  #step = 0;
  #attempt = 0;
  /** What the model says next, once. */
  #next: FakeReply | undefined;

  constructor(
    readonly schedule: FakeSchedule,
    readonly location: string,
  ) {}

  async play(): Promise<FakeReport> {
    const { schedule, location } = this;
    await using ledger = await openLedger(location, { key });
    await using fake = await fakeRuntime({
      like: schedule.like,
      seed: schedule.seed,
      faults: schedule.faults,
      accepts: (token) => this.#good.has(token),
      model: () => {
        const said = this.#next;
        this.#next = undefined;
        return said;
      },
    });
    const deadline = AbortSignal.timeout(limitMs);
    const running = [
      this.#again("host", (life) => this.#host(life, fake)),
      ...Array.from({ length: schedule.keepers }, (_, n) =>
        this.#again(`keeper ${n}`, (life) => this.#keeper(life, fake, n)),
      ),
      ...Array.from({ length: schedule.brokers }, (_, n) =>
        this.#again(`broker ${n}`, (life) => this.#broker(life, n)),
      ),
    ];
    const blows = [...schedule.blows];
    while (!this.#over && !deadline.aborted) {
      await delay(1);
      const due = blows[0];
      if (due !== undefined && (fake.trace.length >= due.at || this.#step >= schedule.steps.length)) {
        blows.shift();
        await this.#strike(due.role, due.index, fake);
      }
      if (this.#step < schedule.steps.length || blows.length > 0) continue;
      const left = (await ledger.list({ state: live as Entry["state"][] })).length;
      if (left === 0) this.#over = true;
    }
    const left = await ledger.list({ state: live as Entry["state"][] });
    if (this.#step < schedule.steps.length) this.#problems.push(`step ${this.#step} took longer than ${limitMs} ms`);
    for (const { id, kind, state } of left) this.#problems.push(`${kind} ${id} is still ${state}`);
    this.#over = true;
    for (const life of this.#lives.values()) life.kill();
    await Promise.all([...running, ...this.#dead.map(({ buried }) => buried)]);
    const report = await this.#report(ledger, fake.answered);
    for (const life of this.#dead) life.forget();
    return report;
  }

  #log(text: string): void {
    this.#trace.push(`${((performance.now() - this.#began) / 1000).toFixed(3)}  ${text}`);
  }

  /** One life after the other, until the round is over. */
  async #again(name: string, live: (life: Mortal) => Promise<void>): Promise<void> {
    while (!this.#over) {
      const life = await openMortal(this.location);
      this.#lives.set(name, life);
      this.#dead.push(life);
      const killed = new Promise<void>((resolve) => life.signal.addEventListener("abort", () => resolve()));
      const ended = live(life).catch((error: unknown) => {
        if (life.dead || this.#over) return;
        this.#log(`${name} ended: ${String(error)}`);
        if (!isExcused(error)) this.#problems.push(`${name} ended: ${String(error)}`);
      });
      await Promise.race([ended, killed]);
      life.kill();
      if (!this.#over) await delay(2);
    }
  }

  async #strike(role: string, index: number, fake: Awaited<ReturnType<typeof fakeRuntime>>): Promise<void> {
    this.#log(`kill ${role} ${index}`);
    this.#count.kills += 1;
    if (role === "broker") this.#count.brokers += 1;
    else this.#count.upsets += 1;
    if (role === "runtime") return await fake.restart();
    const names = [...this.#lives.keys()].filter((name) => name.startsWith(role));
    this.#lives.get(names[index % names.length] ?? "")?.kill();
  }

  async #keeper(life: Mortal, fake: Awaited<ReturnType<typeof fakeRuntime>>, n: number): Promise<void> {
    const rpc = await life.connect(fake);
    const keeping = keep(rpc, life.ledger, {
      principal,
      interest: ["mcp.oauth_required", "user_input.requested"],
      sessions: [sessionId],
      owner: `keeper ${n}`,
      leaseMs,
      timeoutMs: requestMs,
    });
    await keeping.closed;
  }

  async #broker(life: Mortal, n: number): Promise<void> {
    while (!life.dead && !this.#over) {
      const claim = await life.ledger.claim({}, { owner: `broker ${n}`, leaseMs, waitMs: 20_000, signal: life.signal });
      if (claim === undefined) continue;
      try {
        await claim.answer(this.#answerTo(claim.entry) as never, { by: `broker ${n}` });
      } catch (error) {
        if (!(error instanceof LedgerError)) throw error;
        // Its lease had run out, or somebody else was quicker: what it obtained is obtained again.
        this.#count.brokers += 1;
      }
    }
  }

  #answerTo({ kind }: Entry): unknown {
    if (kind === "permission.requested") return { kind: "approve-once" };
    if (kind === "external_tool.requested") return { result: "ticket 17" };
    if (kind === "user_input.requested") return { answer: "yes", wasFreeform: false };
    this.#count.tokens += 1;
    const accessToken = `token-${this.#count.tokens}`;
    this.#good.add(accessToken);
    return { kind: "token", accessToken };
  }

  async #host(life: Mortal, fake: Awaited<ReturnType<typeof fakeRuntime>>): Promise<void> {
    const rpc = await life.connect(fake);
    // As a careful host does: what is asked before a keeper holds the session is written down, too.
    recordPending(rpc, life.ledger, { principal, by: "host" });
    deliverAnswers(rpc, life.ledger, { owner: "host", leaseMs });
    await this.#load(rpc, life);
    const session = rpc.session(sessionId);
    let sign = performance.now();
    session.events.on("*", () => {
      sign = performance.now();
    });
    for (const type of ["mcp.oauth_required", "user_input.requested"] as const) await registerInterest(session, type);
    while (this.#step < this.schedule.steps.length && !life.dead) {
      if (await this.#isDone(rpc)) {
        this.#step += 1;
        this.#attempt = 0;
        continue;
      }
      await this.#prompt(rpc);
      for (sign = performance.now(); ; ) {
        await delay(4);
        if (life.dead || this.#over) return;
        if (await this.#isDone(rpc)) break;
        if (performance.now() - sign < stallMs) continue;
        sign = performance.now();
        if ((await life.ledger.list({ state: live as Entry["state"][] })).length > 0) continue;
        this.#count.stalls += 1;
        this.#log(`step ${this.#step} stands still`);
        await session.request("abort", undefined, { timeoutMs: requestMs });
        break;
      }
    }
    await rpc.closed;
  }

  /** Makes the session, or loads it again; the runtime knows whether it has it. */
  async #load(rpc: Rpc, life: Mortal): Promise<void> {
    const { session: known } = await rpc.request("session.getMetadata", { sessionId }, { timeoutMs: requestMs });
    if (known === undefined) {
      await life.ledger.lost(sessionId, { all: true });
      await rpc.request("session.create", { ...params, sessionId }, { timeoutMs: requestMs });
    } else
      await resume(
        rpc,
        { ...params, sessionId, continuePendingWork: true },
        { ledger: life.ledger, principal, signal: AbortSignal.timeout(2 * requestMs) },
      );
  }

  /** Whether the call that the step wants has come to something; what happened before this host's life is in the log. */
  async #isDone(rpc: Rpc): Promise<boolean> {
    const { events } = await rpc.session(sessionId).request("getMessages", undefined, { timeoutMs: requestMs });
    const wanted = `"toolCallId":"step-${this.#step}-`;
    return events.some((event) => {
      const text = JSON.stringify(event);
      return /"type":"tool\.execution_complete".*"success":true/.test(text) && text.includes(wanted);
    });
  }

  async #prompt(rpc: Rpc): Promise<void> {
    const step = this.schedule.steps[this.#step];
    if (step === undefined) return;
    this.#attempt += 1;
    if (step.revoke && this.#attempt === 1) {
      this.#good.clear();
      this.#count.revocations += 1;
    }
    const toolCallId = `step-${this.#step}-${this.#attempt}`;
    const permissionRequest = { kind: "mcp", serverName: "notes", toolName: "echo" } as const;
    const data =
      step.asks === "permission.requested" ? { permissionRequest } : { toolName: "ticket", question: "Tea?" };
    this.#next = { ask: step.asks, data: { ...data, toolCallId } } as FakeReply;
    await rpc.session(sessionId).request("send", { prompt: `Step ${this.#step}.` }, { timeoutMs: requestMs });
  }

  async #report(
    ledger: Awaited<ReturnType<typeof openLedger>>,
    answered: readonly { requestId: string; accepted: boolean }[],
  ): Promise<FakeReport> {
    const problems = this.#problems;
    const entries = await ledger.list();
    const outcomes: Record<string, number> = {};
    for (const { id, kind, state, outcome } of entries) {
      const end = outcome ?? state;
      outcomes[end] = (outcomes[end] ?? 0) + 1;
      const receipts = await ledger.receipts(id);
      this.#log(`${kind} ${id}: ${receipts.map((each) => `${each.state} by ${each.by}`).join(", ")}`);
      if (outcome === "conflict") problems.push(`${kind} ${id} ended in a conflict`);
      if (receipts.filter((each) => each.state === "settled").length > 1)
        problems.push(`${kind} ${id} was settled twice`);
      const fences = receipts.flatMap((each) => (each.state === "sent" ? [each.fence] : []));
      if (new Set(fences).size < fences.length) problems.push(`${kind} ${id} was sent twice under one fence`);
    }
    const taken = answered.filter(({ accepted }) => accepted).map(({ requestId }) => requestId);
    if (new Set(taken).size < taken.length) problems.push("a request took two answers");
    const needs = 1 + this.#count.revocations;
    const tokensAgain = Math.max(0, this.#count.tokens - needs);
    if (tokensAgain > this.#count.brokers + this.#count.upsets + this.schedule.faults.length)
      problems.push(`${this.#count.tokens} tokens for ${needs} needs`);
    const { kills, tokens, stalls } = this.#count;
    const seconds = (performance.now() - this.#began) / 1000;
    return {
      problems,
      kills,
      entries: entries.length,
      outcomes,
      tokens,
      tokensAgain,
      stalls,
      seconds,
      trace: this.#trace,
    };
  }
}

/** Ends with its connection, or with a call that a fault has swallowed: it is started again. */
const isExcused = (error: unknown): boolean =>
  error instanceof Error &&
  (error.name === "TimeoutError" ||
    ("code" in error &&
      ["CLOSED", "ENDED", "DESTROYED", "PROTOCOL", "SESSION_NOT_FOUND", "NOT_RESUMABLE", "BUSY"].includes(
        String(error.code),
      )));
