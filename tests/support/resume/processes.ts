import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Entry, type Ledger, openLedger } from "latchkey/ledger";
import {
  openWorld,
  type Program,
  type Reply,
  type RuntimeUnderTest,
  startProgram,
  startTestRuntime,
  type TestRuntime,
  type World,
} from "../world.js";

/** A runtime, the servers around it, a ledger, and the programs that play host, keeper and broker. */
export class Processes implements AsyncDisposable {
  readonly sessionId = randomUUID();
  readonly #programs: Program[] = [];

  private constructor(
    readonly testRuntime: TestRuntime,
    readonly world: World,
    readonly ledger: Ledger,
    private readonly location: string,
    private readonly folder: string,
  ) {}

  static async open(under: RuntimeUnderTest, script: readonly Reply[] = []): Promise<Processes> {
    const folder = await mkdtemp(join(tmpdir(), "latchkey-processes-"));
    const location = join(folder, "ledger.db");
    const [testRuntime, world] = await Promise.all([startTestRuntime(under), openWorld({ script })]);
    return new Processes(testRuntime, world, await openLedger(location), location, folder);
  }

  async host(mode: "create" | "resume", more: { sessionId?: string; approve?: boolean; deliver?: boolean } = {}) {
    const places = this.world.places;
    const given = { ...this.#runtime(), ledger: this.location, places, sessionId: this.sessionId, mode, ...more };
    const host = this.#start("resume-host", given);
    if (mode === "create") await host.next("created");
    return host;
  }

  /** Made, held by the keeper where there is one, attended. */
  async ready(host: Program, keeper?: Program): Promise<void> {
    if (keeper) await keeper.next("held");
    host.tell({ type: "go" });
    await host.next("ready");
  }

  async keeper(more: { holds?: readonly string[]; permissions?: boolean } = {}): Promise<Program> {
    const keeper = this.#start("resume-keeper", { ...this.#runtime(), ledger: this.location, ...more });
    await keeper.next("ready");
    return keeper;
  }

  async broker(more: { kinds?: readonly string[] } = {}): Promise<Program> {
    const broker = this.#start("resume-broker", { ledger: this.location, owner: "broker", ...more });
    await broker.next("ready");
    return broker;
  }

  /** A session that is connected with a first token and has had its first turn; nobody but the host is left. */
  async prelude(host: Program): Promise<void> {
    const { world } = this;
    const broker = await this.broker();
    await this.ready(host);
    await this.entry(({ state, outcome }) => state === "settled" && outcome === "accepted");
    await broker.kill();
    await host.next("connected");
    world.model.say({ tool: "echo", arguments: { text: "here" } });
    host.tell({ type: "prompt", prompt: "Are you there?" });
    await host.next("idle");
  }

  /** Waits until the ledger has such an entry. */
  async entry(wanted: (entry: Entry) => boolean, timeoutMs = 10_000): Promise<Entry> {
    for (const deadline = performance.now() + timeoutMs; performance.now() < deadline; await delay(20)) {
      const found = (await this.ledger.list()).find(wanted);
      if (found) return found;
    }
    const states = (await this.ledger.list()).map(({ kind, state, outcome }) => ({ kind, state, outcome }));
    throw new Error(`the ledger has no such entry: ${JSON.stringify(states)}`);
  }

  /** Waits until nothing in the ledger waits any more. */
  async closedBooks(timeoutMs = 10_000): Promise<readonly Entry[]> {
    let left: readonly Entry[] = [];
    for (const deadline = performance.now() + timeoutMs; performance.now() < deadline; await delay(20)) {
      const entries = await this.ledger.list();
      left = entries.filter(({ state }) => state === "open" || state === "answered" || state === "sent");
      if (left.length === 0) return entries;
    }
    const what = left.map(({ kind, state, data }) => ({ kind, state, reason: "reason" in data && data.reason }));
    throw new Error(`the books are not closed: ${JSON.stringify(what)}`);
  }

  /** Kills the runtime at once, with these programs, and starts it again. */
  async killRuntime(...programs: Program[]): Promise<void> {
    await Promise.all([this.testRuntime.restart(), ...programs.map((program) => program.kill())]);
  }

  tools(): string[] {
    return this.world.mcp.runs.map(({ tool }) => tool);
  }

  #runtime(): { endpoint: string; token: string } {
    const { endpoint, token } = this.testRuntime.runtime;
    return { endpoint, token };
  }

  #start(name: string, given: unknown): Program {
    const program = startProgram(name, { given });
    this.#programs.push(program);
    return program;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#programs.map((program) => program.kill()));
    await this.ledger.close();
    await Promise.all([this.testRuntime.close(), this.world.close()]);
    await rm(this.folder, { recursive: true, force: true });
  }
}
