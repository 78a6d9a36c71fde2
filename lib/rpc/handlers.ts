import { type CancellationToken, ErrorCodes, ResponseError } from "vscode-jsonrpc/node";
import type { Off } from "../events/index.js";
import type { ClientMethods } from "../protocol/index.js";
import type { Handler } from "./rpc.js";

type AnyHandler = (params: unknown, context: { signal: AbortSignal }) => unknown;

/** The methods that the runtime may call on its client, one handler each. */
export class Handlers {
  readonly #handlers = new Map<string, AnyHandler>();
  readonly #running = new Set<AbortController>();

  add<M extends keyof ClientMethods>(method: M, handler: Handler<M>): Off {
    if (this.#handlers.has(method)) throw new TypeError(`"${method}" has a handler already`);
    const added: AnyHandler = (params, context) => handler(params as ClientMethods[M]["params"], context);
    this.#handlers.set(method, added);
    const off = (): void => {
      if (this.#handlers.get(method) === added) this.#handlers.delete(method);
    };
    return Object.assign(off, { [Symbol.dispose]: off });
  }

  /** Answers one request of the runtime. */
  async run(method: string, params: unknown, token: CancellationToken): Promise<unknown> {
    const handler = this.#handlers.get(method);
    if (!handler) throw new ResponseError(ErrorCodes.MethodNotFound, `Unhandled method ${method}`);
    const abort = new AbortController();
    if (token.isCancellationRequested) abort.abort();
    const subscription = token.onCancellationRequested(() => abort.abort());
    this.#running.add(abort);
    try {
      return await handler(params, { signal: abort.signal });
    } finally {
      this.#running.delete(abort);
      subscription.dispose();
    }
  }

  /** The connection is over: nobody waits for what is being answered. */
  abort(reason: Error): void {
    for (const abort of [...this.#running]) abort.abort(reason);
  }
}
