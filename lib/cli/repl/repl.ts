import { join } from "node:path";
import { type REPLServer, start } from "node:repl";
import { PassThrough } from "node:stream";
import { isWaiting, pendingStates } from "../entries.js";
import { exit, Stop, tellError } from "../exit.js";
import { type Io, oneLine, paint, print } from "../io.js";
import { ledgerLocation, namedEndpoint, reachLedger, shownLocation } from "../reach.js";
import { makeStateFolder } from "../state-folder.js";
import { completer } from "./complete.js";
import { historySize, keepHistory } from "./history.js";
import { helpText, program } from "./program.js";
import { scope } from "./scope.js";
import { Shown } from "./shown.js";
import { connectRuntime, type ReplState } from "./state.js";
import { evaluateBy, isInterrupt } from "./wait.js";

interface Flags {
  readonly ledger: string | undefined;
  readonly endpoint: string | undefined;
}

/**
 * Apart from the other commands, on the files of the package: an object in scope is of the same class as one that is made with
 * what `import("latchkey")` gives. The classes that the other commands know are copies, so errors are told here.
 */
export async function repl(flags: Flags, io: Io): Promise<number | undefined> {
  try {
    return await work(flags, io);
  } catch (error) {
    return io.signal.aborted ? undefined : tellError(error, io);
  }
}

async function work(flags: Flags, io: Io): Promise<number | undefined> {
  // A wrong endpoint is a mistake on the command line. A runtime that does not answer is not: the REPL starts without it.
  namedEndpoint(flags.endpoint);
  const folder = makeStateFolder();
  await using ledger = await reachLedger(flags.ledger, { make: true });
  const early: string[] = [];
  const state: ReplState = { ledger, io, shown: new Shown(io), rpc: undefined, say: (text) => void early.push(text) };
  const found = await connectRuntime(state, flags.endpoint);
  const waiting = (await ledger.list({ state: pendingStates, limit: 100 })).filter(isWaiting).length;
  const location = oneLine(shownLocation(ledgerLocation(flags.ledger)));
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
    writer: state.shown.writer,
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
    if (!failed) io.err.write(`${state.shown.uncaught(error)}\n`);
    failed = true;
    server.close();
  };
  const evaluation = evaluateBy(server, terminal ? (error) => show(server, state, error) : stop);
  state.say = (text) => {
    if (!terminal) io.err.write(`${text}\n`);
    else server.output.write(`\r\x1b[K${text}\n`);
    if (terminal && !evaluation.busy) server.displayPrompt(true);
  };
  for (const text of early) state.say(text);
  const stray = (error: unknown): void => {
    if (state.shown.isNews(error)) state.say(state.shown.uncaught(error));
  };
  process.on("unhandledRejection", stray).on("uncaughtException", stray);
  try {
    Object.defineProperties(server.context, await scope(state, server));
    Object.defineProperty(server, "completer", { value: completer(state, server.completer), writable: true });
    defineCommands(server, state, location);
    if (lines) await feed(server, io.in, lines);
    await ended;
  } finally {
    process.off("unhandledRejection", stray).off("uncaughtException", stray);
  }
  server.close();
  await state.rpc?.close();
  if (evaluation.unfinished && !failed) throw new Stop(exit.failed, "the script ends in the middle of a statement");
  return failed ? exit.failed : undefined;
}

/** What a line threw. It stays at hand as `_error`. */
function show(server: REPLServer, state: ReplState, error: unknown): void {
  if (!server.underscoreErrAssigned) Reflect.set(server, "lastError", error);
  server.output.write(isInterrupt(error) ? "gave up waiting\n" : `${state.shown.uncaught(error)}\n`);
  server.clearBufferedCommand();
  server.displayPrompt();
}

function defineCommands(server: REPLServer, state: ReplState, location: string): void {
  const tell = (text: string): void => {
    server.output.write(`${text}\n`);
    server.displayPrompt();
  };
  server.defineCommand("help", { help: "Say what is here", action: () => tell(helpText) });
  server.defineCommand("program", {
    help: "Print the lines that put the same names into a program",
    action: () => tell(program(state.rpc?.endpoint, location)),
  });
  server.defineCommand("connect", {
    help: "Connect to the runtime, or to another: .connect [tcp://host:port]",
    action: (endpoint) => void connectRuntime(state, endpoint.trim() || undefined).then(tell),
  });
}

/** Feeds the lines of a pipe one by one, each when the one before is done. Node would run them all at once. */
async function feed(server: REPLServer, from: NodeJS.ReadStream, to: PassThrough): Promise<void> {
  const { createInterface } = await import("node:readline");
  const lines = createInterface({ input: from })[Symbol.asyncIterator]();
  const next = async (): Promise<void> => {
    const { done, value } = await lines.next();
    if (done) to.end();
    else to.write(`${value}\n`);
  };
  // Node shows a prompt when the line before is done. A pipe needs none.
  const displayPrompt = (): void => {
    server.resume();
    void next();
  };
  Object.defineProperty(server, "displayPrompt", { value: displayPrompt });
  void next();
}
