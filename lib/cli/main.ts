import { setMaxListeners } from "node:events";
import { exit, tellError, UsageError } from "./exit.js";
import type { Io } from "./io.js";

const signals = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
/** Commands that run until a signal ends them: that is their success. */
const untilStopped = ["keep", "broker", "notify", "fake-runtime", "inbox"];

/** Node 22 warns at every start that its SQLite is experimental. The user can do nothing about it, so the warning is dropped. */
function printWarnings(): void {
  // With `--no-warnings` Node has no listener.
  if (process.listenerCount("warning") === 0) return;
  process.removeAllListeners("warning");
  process.on("warning", ({ name, message }) => {
    if (!message.startsWith("SQLite is an experimental feature")) process.stderr.write(`${name}: ${message}\n`);
  });
}

async function main(args: string[]): Promise<number> {
  printWarnings();
  const stopped = new AbortController();
  // Everything that waits listens to it, a broker of many jobs many times.
  setMaxListeners(0, stopped.signal);
  let signalCode: number | undefined;
  for (const [name, code] of Object.entries(signals))
    process.on(name, () => {
      // The second signal ends the process at once.
      if (signalCode !== undefined) process.exit(code);
      signalCode = code;
      stopped.abort(new Error(`stopped by ${name}`));
    });
  const io = standardIo(stopped.signal);
  try {
    return (
      (await dispatch(args, io)) ??
      (signalCode === undefined || untilStopped.includes(args[0] ?? "") ? exit.done : signalCode)
    );
  } catch (error) {
    return signalCode ?? tellError(error, io);
  }
}

/** Each stream is made when it is first used: that costs milliseconds. */
function standardIo(signal: AbortSignal): Io {
  const checked = new Set<NodeJS.WriteStream>();
  const check = (stream: NodeJS.WriteStream): NodeJS.WriteStream => {
    if (checked.has(stream)) return stream;
    checked.add(stream);
    stream.on("error", (error) => {
      const code = "code" in error ? error.code : undefined;
      // The reader closed the pipe.
      if (code === "EPIPE") process.exit(exit.done);
      // The terminal is gone.
      if (code === "EIO") process.exit(signals.SIGHUP);
      throw error;
    });
    return stream;
  };
  return {
    signal,
    get out() {
      return check(process.stdout);
    },
    get err() {
      return check(process.stderr);
    },
    get in() {
      return process.stdin;
    },
  };
}

async function dispatch(args: string[], io: Io): Promise<number | undefined> {
  const [first] = args;
  if (first === "--version" || first === "-V") return await (await import("./help.js")).version(io);
  const { commands } = await import("./commands/all.js");
  if (first === "complete")
    return await (await import("./commands/completion.js")).candidates(commands, args.slice(1), io);
  const found = commands.find(({ name }) => name.split(" ").every((word, i) => args[i] === word));
  const rest = args.slice(found?.name.split(" ").length ?? 0);
  const asked = rest.slice(0, rest.includes("--") ? rest.indexOf("--") : undefined);
  if (first === undefined || first === "help" || asked.includes("--help") || asked.includes("-h")) {
    const { help } = await import("./help.js");
    return await help(found?.name ?? args.filter((word) => !word.startsWith("-") && word !== "help").join(" "), io, {
      asked: first !== undefined,
    });
  }
  if (found === undefined)
    throw new UsageError(
      unknown(
        args,
        commands.map(({ name }) => name),
      ),
    );
  return await found.run(rest, io);
}

function unknown(args: readonly string[], names: readonly string[]): string {
  const [first = ""] = args;
  const group = names.filter((name) => name.startsWith(`${first} `));
  if (group.length > 0) return `"${first}" needs one of: ${group.map((name) => name.split(" ")[1]).join(", ")}`;
  const near = names.filter((name) => name.startsWith(first.slice(0, 2)));
  const hint = near.length > 0 ? `; did you mean ${near.join(" or ")}?` : "";
  return `there is no command "${first}"${hint}`;
}

void main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
