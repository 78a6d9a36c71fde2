import type { Socket } from "node:net";
import type postgres from "postgres";
import type { Row, Value } from "./engine.js";

/** What a lane is made with. */
export interface LaneOptions {
  /** Makes the client. */
  readonly client: (own: object) => postgres.Sql;
  /** Opens a socket for it. */
  readonly open: () => Socket;
  /** Called once, when the lane is of no more use. */
  readonly tellLost: () => void;
}

export interface SendOptions {
  /** The connection keeps the statement prepared. */
  readonly prepare?: boolean;
  /** Several statements in one message, without parameters. */
  readonly simple?: boolean;
}

/** What came for one statement: its rows, the name of its command, and the server's process as it was told when connecting. */
export interface Reply {
  readonly rows: readonly Row[];
  readonly command: string;
  readonly pid: number;
}

const gone = (): Error => Object.assign(new Error("the connection broke"), { code: "CONNECTION_CLOSED" });

/**
 * One connection, for one user at a time. What is sent is answered in order; more may be sent before the replies come.
 *
 *   new    nothing was sent; the first statement connects
 *   open   from then on
 *   lost   closed, or never made. What waits rejects, and nothing more is sent
 *
 * The client under it may connect only once. If it did again, what is left of a transaction would go on over a connection that is in none.
 */
export class Lane {
  readonly #sql: postgres.Sql;
  readonly #tellLost: () => void;
  readonly #since = performance.now();
  #connected = false;
  #lost = false;
  #unanswered: Promise<unknown>[] = [];
  #error: unknown;
  #reject: ((reason: unknown) => void) | undefined;

  constructor({ client, open, tellLost }: LaneOptions) {
    this.#tellLost = tellLost;
    this.#sql = client({
      max: 1,
      max_lifetime: null,
      onclose: () => this.#lose(),
      socket: () => {
        if (!this.#connected) {
          this.#connected = true;
          return open();
        }
        this.#lose();
        throw gone();
      },
    });
  }

  get isLost(): boolean {
    return this.#lost;
  }

  get ageMs(): number {
    return performance.now() - this.#since;
  }

  /** Sends a statement. Its error is the next `settled`'s too, so nobody has to wait for this reply. */
  send(
    sql: string,
    params: readonly Value[] = [],
    { prepare = false, simple = false }: SendOptions = {},
  ): Promise<Reply> {
    const reply = this.#lost ? Promise.reject(gone()) : this.#ask(sql, params, { prepare, simple });
    this.#unanswered.push(reply);
    // Replies come in the order of their statements, so the first error is the one that the others follow from.
    reply.catch((error: unknown) => {
      this.#error ??= error;
    });
    return reply;
  }

  async #ask(sql: string, params: readonly Value[], options: SendOptions): Promise<Reply> {
    const found: unknown = await this.#sql.unsafe(sql, [...params], options);
    const result = resultOf(found);
    if (result === undefined || result.command === null) throw gone();
    return { rows: [...result], command: result.command, pid: result.state.pid };
  }

  /**
   * Waits for the replies to everything that was sent.
   * @throws the error of the first that failed
   */
  async settled(): Promise<void> {
    const unanswered = this.#unanswered;
    this.#unanswered = [];
    try {
      await new Promise<void>((resolve, reject) => {
        this.#reject = reject;
        void Promise.allSettled(unanswered).then(() => resolve());
        // Statements that the client held back when its connection closed get no reply.
        if (this.#lost) reject(gone());
      });
    } catch (error) {
      throw this.#error ?? error;
    } finally {
      this.#reject = undefined;
    }
    const error = this.#error;
    this.#error = undefined;
    if (error !== undefined) throw error;
  }

  #lose(): void {
    if (!this.#lost) void this.close();
  }

  /** The lane is lost at once. Twice is harmless. */
  async close(): Promise<void> {
    if (!this.#lost) {
      this.#lost = true;
      this.#tellLost();
      // The errors of what was under way come before this one.
      setImmediate(() => this.#reject?.(gone()));
    }
    await this.#sql.end({ timeout: 0 });
  }
}

/** A message of several statements has several results, where some have rows: the last one counts. */
const resultOf = (found: unknown): Result | undefined =>
  Array.isArray(found) && found.length > 0 && found.every(isResult)
    ? found.at(-1)
    : isResult(found)
      ? found
      : undefined;

type Result = readonly Row[] & { readonly command: string | null; readonly state: { readonly pid: number } };

const isResult = (found: unknown): found is Result => Array.isArray(found) && "command" in found;
