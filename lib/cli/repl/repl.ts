import { join } from "node:path";
import { type REPLServer, start } from "node:repl";
import { PassThrough } from "node:stream";
import { types } from "node:util";
import { living } from "../entries.js";
import { explainShort, tellError } from "../exit.js";
import { type Io, oneLine, paint } from "../io.js";
import { makeStateFolder } from "../place.js";
import { ledgerLocation, reachLedger, reachRuntime, runtimePlace, shownLocation } from "../reach.js";
import { completer } from "./complete.js";
import type { Desk } from "./desk.js";
import { keepSecretsOut } from "./history.js";
import { helpText, program } from "./program.js";
import { scope } from "./scope.js";
import { Shown } from "./shown.js";

interface Given {
  readonly ledger: string | undefined;
  readonly endpoint: string | undefined;
}

/**
 * Apart from the other commands, on the files of the package: an object in scope is of the same class as one that is made with
 * what `import("latchkey")` gives. The classes that the other commands know are copies, so errors are told here.
 */
export async function repl(given: Given, io: Io): Promise<number | undefined> {
  try {
    await work(given, io);
    return undefined;
  } catch (error) {
    return io.signal.aborted ? undefined : tellError(error, io);
  }
}

async function work(given: Given, io: Io): Promise<void> {
  // A mistake on the command line is told as one; a runtime that is not there is none.
  runtimePlace(given.endpoint);
  const folder = makeStateFolder();
  await using ledger = await reachLedger(given.ledger, { make: true });
  const desk: Desk = { ledger, io, shown: new Shown(io), rpc: undefined };
  const found = await connectDesk(desk, given.endpoint);
  const waiting = (await ledger.list({ state: living, limit: 100 })).length;
  const location = shownLocation(ledgerLocation(given.ledger));
  io.out.write(`latchkey: ${found}\nledger ${location}, ${waiting} pending; .help says what is here\n`);

  const terminal = io.in.isTTY === true && io.out.isTTY === true;
  const lines = terminal ? undefined : new PassThrough();
  const server = start({
    prompt: terminal ? "latchkey> " : "",
    input: lines ?? io.in,
    output: io.out,
    terminal,
    useColors: paint(io.out).isColorSupported,
    useGlobal: true,
    // Completions come from ledger and runtime, too late to be drawn behind the cursor at every key.
    preview: false,
    ignoreUndefined: true,
    writer: desk.shown.writer,
  });
  waitForPromises(server);
  Object.defineProperties(server.context, await scope(desk, server));
  Object.defineProperty(server, "completer", { value: completer(desk, server.completer), writable: true });
  keepSecretsOut(server);
  defineCommands(server, desk, location);
  if (server.terminal)
    server.setupHistory(join(folder, "history"), (error) => {
      if (error) io.err.write(`no history: ${error.message}\n`);
    });
  if (lines) await feed(server, io.in, lines);
  await new Promise<void>((resolve) => {
    server.once("exit", () => resolve());
    // What is being waited for need not end for that.
    io.signal.addEventListener("abort", () => resolve(), { once: true });
  });
  server.close();
  await desk.rpc?.close();
}

/** Connects, and says what came of it in a few words. */
async function connectDesk(desk: Desk, endpoint: string | undefined, say?: (text: string) => void): Promise<string> {
  try {
    const rpc = await reachRuntime(endpoint, { signal: desk.io.signal });
    await desk.rpc?.close();
    desk.rpc = rpc;
    void rpc.closed.then(({ code, message }) => {
      if (desk.rpc !== rpc || code === "ENDED") return;
      desk.rpc = undefined;
      say?.(`the runtime is gone: ${oneLine(message)}`);
    });
    return oneLine(`runtime ${rpc.hello.version} at ${rpc.endpoint}`);
  } catch (error) {
    return oneLine(explainShort(error));
  }
}

function defineCommands(server: REPLServer, desk: Desk, location: string): void {
  const say = (text: string): void => {
    server.output.write(`\r\x1b[K${text}\n`);
    server.displayPrompt(true);
  };
  const tell = (text: string): void => {
    server.output.write(`${text}\n`);
    server.displayPrompt();
  };
  server.defineCommand("help", { help: "Say what is here", action: () => tell(helpText) });
  server.defineCommand("program", {
    help: "Print the lines that put the same names into a program",
    action: () => tell(program(desk.rpc?.endpoint, location)),
  });
  server.defineCommand("connect", {
    help: "Connect to the runtime, or to another: .connect [tcp://host:port]",
    action: (endpoint) => void connectDesk(desk, endpoint.trim() || undefined, say).then(tell),
  });
}

/** Lines of a pipe one by one, each when the one before is done: Node would run them all at once. */
async function feed(server: REPLServer, from: NodeJS.ReadStream, to: PassThrough): Promise<void> {
  const { createInterface } = await import("node:readline");
  const lines = createInterface({ input: from })[Symbol.asyncIterator]();
  const display = server.displayPrompt;
  const next = async (): Promise<void> => {
    const { done, value } = await lines.next();
    if (done) to.end();
    else to.write(`${value}\n`);
  };
  const displayPrompt: typeof display = (preserveCursor) => {
    display.call(server, preserveCursor);
    void next();
  };
  Object.defineProperty(server, "displayPrompt", { value: displayPrompt });
  void next();
}

const waited = Symbol.for("latchkey.waited");

/**
 * Waits for a promise that was typed without `await` and shows what it resolves to, as a person expects. It is given back to the
 * REPL as `await`, which holds later lines back meanwhile.
 */
function waitForPromises(server: REPLServer): void {
  const evaluate = server.eval;
  const wait: typeof evaluate = (code, context, file, done) => {
    evaluate.call(server, code, context, file, (error, result: unknown) => {
      if (error || !types.isPromise(result)) return done(error, result);
      Object.defineProperty(context, waited, { value: result, configurable: true });
      evaluate.call(server, `await globalThis[Symbol.for("${waited.description}")]\n`, context, file, done);
    });
  };
  Object.defineProperty(server, "eval", { value: wait, writable: true });
}
