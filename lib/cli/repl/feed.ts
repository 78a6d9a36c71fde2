import type { REPLServer } from "node:repl";
import type { PassThrough } from "node:stream";

/** Lines of a pipe one by one, each when the one before is done: Node would run them all at once. */
export async function feed(server: REPLServer, from: NodeJS.ReadStream, to: PassThrough): Promise<void> {
  const { createInterface } = await import("node:readline");
  const lines = createInterface({ input: from })[Symbol.asyncIterator]();
  const next = async (): Promise<void> => {
    const { done, value } = await lines.next();
    if (done) to.end();
    else to.write(`${value}\n`);
  };
  // Where a prompt would be shown, the line before is done. Nobody is there to see one.
  const displayPrompt = (): void => {
    server.resume();
    void next();
  };
  Object.defineProperty(server, "displayPrompt", { value: displayPrompt });
  void next();
}
