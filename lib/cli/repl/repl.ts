import { join } from "node:path";
import { type REPLServer, start } from "node:repl";
import { PassThrough } from "node:stream";
import { isWaiting, pendingStates } from "../entries.js";
import { exit, Stop, tellError } from "../exit.js";
import { type Io, oneLine, paint, print } from "../io.js";
import { makeStateFolder } from "../place.js";
import { ledgerLocation, namedEndpoint, reachLedger, shownLocation } from "../reach.js";
import { completer } from "./complete.js";
import { connectDesk, type Desk } from "./desk.js";
import { feed } from "./feed.js";
import { historySize, keepHistory } from "./history.js";
import { helpText, program } from "./program.js";
import { scope } from "./scope.js";
import { Shown } from "./shown.js";
import { evaluateBy, isInterrupt } from "./wait.js";

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
    return await work(given, io);
  } catch (error) {
    return io.signal.aborted ? undefined : tellError(error, io);
  }
}

async function work(given: Given, io: Io): Promise<number | undefined> {
  // A mistake on the command line is told as one; a runtime that is not there is none.
  namedEndpoint(given.endpoint);
  const folder = makeStateFolder();
  await using ledger = await reachLedger(given.ledger, { make: true });
  const early: string[] = [];
  const desk: Desk = { ledger, io, shown: new Shown(io), rpc: undefined, say: (text) => void early.push(text) };
  const found = await connectDesk(desk, given.endpoint);
  const waiting = (await ledger.list({ state: pendingStates, limit: 100 })).filter(isWaiting).length;
  const location = oneLine(shownLocation(ledgerLocation(given.ledger)));
  await print(io.out, `latchkey: ${found}\nledger ${location}, ${waiting} pending; .help says what is here`);

  const terminal = io.in.isTTY === true && io.out.isTTY === true;
  const lines = terminal ? undefined : new PassThrough();
  const options = {
    prompt: terminal ? "latchkey> " : "",
    input: lines ?? io.in,
    output: io.out,
    terminal,
    historySize,
    useColors: paint(io.out).isColorSupported,
    useGlobal: true,
    // Control-C gives up waiting.
    breakEvalOnSigint: terminal,
    // Completions come from ledger and runtime, too late to be drawn behind the cursor at every key.
    preview: false,
    ignoreUndefined: true,
    writer: desk.shown.writer,
  };
  const server = start(options);
  // At once: somebody may type before the names are there.
  keepHistory(server, join(folder, "history"));
  const ended = new Promise<void>((resolve) => {
    server.once("exit", () => resolve());
    // What is being waited for need not end for that.
    io.signal.addEventListener("abort", () => resolve(), { once: true });
  });
  let failed = false;
  const stop = (error: unknown): void => {
    if (!failed) io.err.write(`${desk.shown.uncaught(error)}\n`);
    failed = true;
    server.close();
  };
  const evaluation = evaluateBy(server, terminal ? (error) => show(server, desk, error) : stop);
  desk.say = (text) => {
    if (!terminal) io.err.write(`${text}\n`);
    else server.output.write(`\r\x1b[K${text}\n`);
    if (terminal && !evaluation.busy) server.displayPrompt(true);
  };
  for (const text of early) desk.say(text);
  const stray = (error: unknown): void => {
    if (desk.shown.isNews(error)) desk.say(desk.shown.uncaught(error));
  };
  process.on("unhandledRejection", stray).on("uncaughtException", stray);
  try {
    Object.defineProperties(server.context, await scope(desk, server));
    Object.defineProperty(server, "completer", { value: completer(desk, server.completer), writable: true });
    defineCommands(server, desk, location);
    if (lines) await feed(server, io.in, lines);
    await ended;
  } finally {
    process.off("unhandledRejection", stray).off("uncaughtException", stray);
  }
  server.close();
  await desk.rpc?.close();
  if (evaluation.unfinished && !failed) throw new Stop(exit.failed, "the script ends in the middle of a statement");
  return failed ? exit.failed : undefined;
}

/** What a line threw. It stays at hand as `_error`. */
function show(server: REPLServer, desk: Desk, error: unknown): void {
  if (!server.underscoreErrAssigned) Reflect.set(server, "lastError", error);
  server.output.write(isInterrupt(error) ? "gave up waiting\n" : `${desk.shown.uncaught(error)}\n`);
  server.clearBufferedCommand();
  server.displayPrompt();
}

function defineCommands(server: REPLServer, desk: Desk, location: string): void {
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
    action: (endpoint) => void connectDesk(desk, endpoint.trim() || undefined).then(tell),
  });
}
