import { setTimeout as delay } from "node:timers/promises";
import { type Message, type Program, startProgram } from "../world.js";

/** A process of a round that is started again whenever it ends, until the round is over. */
export class Actor {
  readonly #run: Promise<void>;
  #program: Program | undefined;
  #over = false;
  /** What ended it although nobody struck it and its runtime was there. */
  readonly complaints: string[] = [];
  readonly pids: number[] = [];
  #struck = false;

  constructor(
    private readonly play: {
      readonly name: string;
      readonly given: () => unknown;
      readonly onStart?: (program: Program) => Promise<void> | void;
    },
  ) {
    this.#run = this.#loop();
  }

  async #loop(): Promise<void> {
    while (!this.#over) {
      this.#struck = false;
      const program = startProgram(this.play.name, { given: this.play.given() });
      this.#program = program;
      this.pids.push(program.pid);
      // What it says is lost when it is killed; its end is handled below.
      void Promise.resolve(this.play.onStart?.(program)).catch(() => undefined);
      const { code } = await program.exited;
      this.#program = undefined;
      const excused = this.#struck || this.#over || code === 0 || /REFUSED|CLOSED|UNAUTHORIZED/.test(program.noise);
      if (!excused) this.complaints.push(`${this.play.name} ended with ${code}: ${program.noise.slice(0, 2000)}`);
      if (!this.#over) await delay(50);
    }
  }

  /** What it has said since it was last started. */
  get messages(): readonly Message[] {
    return this.#program?.messages ?? [];
  }

  tell(message: Message): void {
    this.#program?.tell(message);
  }

  strike(signal: "SIGKILL" | "SIGSTOP" | "SIGCONT"): void {
    if (signal === "SIGKILL") this.#struck = true;
    this.#program?.signal(signal);
  }

  async end(): Promise<void> {
    this.#over = true;
    this.#struck = true;
    await this.#program?.kill();
    await this.#run;
  }
}
