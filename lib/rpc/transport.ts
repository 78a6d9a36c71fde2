import {
  type CancellationToken,
  createMessageConnection,
  type Disposable,
  Emitter,
  type MessageConnection,
  type MessageReader,
  type MessageWriter,
} from "vscode-jsonrpc/node";

export interface TransportEnds {
  readonly reader: {
    listen(callback: Parameters<MessageReader["listen"]>[0]): Disposable;
    stop(): void;
    /** A reply to the runtime's request of this id is about to be written. */
    answers(id: string | number): void;
  };
  readonly writer: { write(message: object): void };
  /** A message was written. */
  wrote(): void;
  /** What a request rejects with, for the error of vscode-jsonrpc. */
  errorOf(error: unknown, request: { readonly method: string; readonly params: object }): unknown;
}

export interface Transport extends Pick<MessageConnection, "dispose" | "hasPendingResponse" | "listen" | "onRequest"> {
  /** Rejects with a `TypeError` when the params are not JSON, else with what `errorOf` returns. */
  send(method: string, params: object, token?: CancellationToken): Promise<unknown>;
}

/** vscode-jsonrpc over a reader and a writer of ours: it pairs requests with responses, and carries cancellation. */
export function createTransport({ reader, writer, wrote, errorOf }: TransportEnds): Transport {
  /** Why the message that is being sent was not: vscode-jsonrpc keeps only the text. */
  let unsent: unknown;
  const written = Promise.resolve();
  const silent = new Emitter<never>();
  const messageReader: MessageReader = {
    onError: silent.event,
    onClose: silent.event,
    onPartialMessage: silent.event,
    listen: (callback) => reader.listen(callback),
    dispose: () => reader.stop(),
  };
  const messageWriter: MessageWriter = {
    onError: silent.event,
    onClose: silent.event,
    write(message) {
      try {
        if (isReply(message)) reader.answers(message.id);
        writer.write(message);
        wrote();
        return written;
      } catch (error) {
        unsent = error;
        return Promise.reject(error);
      }
    },
    end: () => undefined,
    dispose: () => undefined,
  };
  // A finite parallelism makes responses settle as they are read instead of in a timer of their own.
  const connection = createMessageConnection(messageReader, messageWriter, undefined, {
    maxParallelism: Number.MAX_SAFE_INTEGER,
  });
  return {
    dispose: () => connection.dispose(),
    hasPendingResponse: () => connection.hasPendingResponse(),
    listen: () => connection.listen(),
    onRequest: connection.onRequest.bind(connection),
    send(method, params, token) {
      unsent = undefined;
      const answer = connection.sendRequest<unknown>(method, params, ...(token ? [token] : []));
      const cause = unsent;
      return answer.catch((error: unknown) => {
        if (cause !== undefined) throw new TypeError(`${method}: "params" cannot be written as JSON`, { cause });
        throw errorOf(error, { method, params });
      });
    },
  };
}

const isReply = (message: object): message is { id: string | number } => !("method" in message) && "id" in message;
