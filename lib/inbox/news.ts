/**
 * Tells open pages that something changed, by server-sent events: one watch of the ledger for all of them, while there is one. A page
 * then asks for itself again. Nothing but an id goes out, and only of what its reader may see.
 */
import { streamSSE } from "hono/streaming";
import type { Entry, Ledger } from "../ledger/index.js";
import type { Ask, Visitor } from "./context.js";
import { maySee, visitorOf } from "./visitor.js";

interface Reader {
  readonly visitor: Visitor;
  tell(entry: Entry): void;
  end(): void;
}

/** So that proxies see that the stream lives. */
const quietMs = 25_000;
const readerLimit = 200;

export class News {
  readonly #readers = new Set<Reader>();
  readonly #ledger: Ledger;
  readonly #onError: (error: unknown) => void;
  readonly #closed = new AbortController();
  #watching: AbortController | undefined;

  constructor(ledger: Ledger, onError: (error: unknown) => void) {
    this.#ledger = ledger;
    this.#onError = onError;
  }

  stream(ask: Ask): Response {
    const visitor = visitorOf(ask);
    if (this.#readers.size >= readerLimit) return ask.text("too many readers\n", 503, { "retry-after": "30" });
    ask.header("x-accel-buffering", "no");
    return streamSSE(ask, async (stream) => {
      let end = (): void => undefined;
      const ended = new Promise<void>((resolve) => {
        end = resolve;
      });
      const reader: Reader = {
        visitor,
        end: () => end(),
        tell: ({ id }) => void stream.writeSSE({ event: "change", data: JSON.stringify({ id }) }),
      };
      stream.onAbort(end);
      this.#closed.signal.addEventListener("abort", end);
      const timer = setInterval(() => void stream.write(": still here\n\n"), quietMs).unref();
      this.#add(reader);
      try {
        await stream.writeSSE({ event: "ready", data: "{}", retry: 2000 });
        if (!this.#closed.signal.aborted) await ended;
      } finally {
        clearInterval(timer);
        this.#closed.signal.removeEventListener("abort", end);
        this.#remove(reader);
      }
    });
  }

  close(): void {
    this.#closed.abort();
    this.#watching?.abort();
  }

  #add(reader: Reader): void {
    this.#readers.add(reader);
    if (this.#watching !== undefined) return;
    this.#watching = new AbortController();
    void this.#watch(this.#watching.signal);
  }

  #remove(reader: Reader): void {
    this.#readers.delete(reader);
    if (this.#readers.size > 0) return;
    this.#watching?.abort();
    this.#watching = undefined;
  }

  async #watch(signal: AbortSignal): Promise<void> {
    try {
      for await (const entry of this.#ledger.watch({}, { signal }))
        for (const reader of this.#readers) if (maySee(reader.visitor, entry)) reader.tell(entry);
    } catch (error) {
      if (signal.aborted) return;
      this.#onError(error);
      // Their browsers come again, and with the first of them a new watch begins.
      for (const reader of this.#readers) reader.end();
    }
  }
}
