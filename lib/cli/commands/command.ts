import { parseArgs } from "node:util";
import { duration } from "../duration.js";
import { UsageError } from "../exit.js";
import type { Io } from "../io.js";

/** An option as `parseArgs` takes it, and what help and completion say about it. */
export interface Option {
  readonly type: "string" | "boolean";
  readonly short?: string;
  readonly multiple?: boolean;
  /** What stands for the value in the help. */
  readonly value?: string;
  readonly about: string;
  /** An empty value says something. For all other options it is an unset variable of a script, and refused. */
  readonly mayBeEmpty?: boolean;
  /** What completion offers as values. */
  readonly choices?: "kinds" | "states" | "files";
}
export type Options = Readonly<Record<string, Option>>;

interface Config<O extends Options> {
  args: string[];
  options: O;
  strict: true;
  allowPositionals: true;
}
export type Values<O extends Options> = ReturnType<typeof parseArgs<Config<O>>>["values"];

/** What help, completion and the shell page need of a command. */
export interface Described {
  readonly name: string;
  /** The operands, as in the synopsis. */
  readonly operands?: string;
  readonly summary: string;
  readonly about: readonly string[];
  readonly options: Options;
  /** A command line, and what it does. */
  readonly examples: readonly (readonly [string, string])[];
  /** What completion offers as operands. */
  readonly completes?: "entries" | "grants" | "shells";
}

export interface Command extends Described {
  run(args: string[], io: Io): Promise<number | undefined>;
}

interface Spec<O extends Options> extends Described {
  readonly options: O;
  /** How many operands it takes at most. */
  readonly takes?: number;
  /** Returns the exit code; nothing is 0. */
  readonly run: (input: { values: Values<O>; operands: string[] }, io: Io) => Promise<number | undefined>;
}

export function command<const O extends Options>({ run, takes = 0, ...described }: Spec<O>): Command {
  return {
    ...described,
    async run(args, io) {
      const { values, positionals } = parse<O>(args, described.options, described.name);
      if (positionals.length > takes)
        throw new UsageError(`"${positionals[takes]}" is one operand too many for ${described.name}`, described.name);
      try {
        refuseEmpty(values, described.options);
        return await run({ values, operands: positionals }, io);
      } catch (error) {
        // The code that checks a value does not know the command's name.
        if (error instanceof UsageError) error.command ??= described.name;
        throw error;
      }
    },
  };
}

/** `--principal "$WHO"` without WHO would be one principal for all who forgot it. */
function refuseEmpty(values: Readonly<Record<string, unknown>>, options: Options): void {
  for (const [name, value] of Object.entries(values))
    for (const each of [value].flat())
      if (typeof each === "string" && each.trim() === "" && !options[name]?.mayBeEmpty)
        throw new UsageError(`--${name} is empty: leave it out, or give it a value`);
}

function parse<O extends Options>(args: string[], options: O, name: string) {
  try {
    return parseArgs<Config<O>>({ args, options, strict: true, allowPositionals: true });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new UsageError(error.message.split(/\. |\n/)[0] ?? "", name);
  }
}

export const ledgerOption = {
  ledger: {
    type: "string",
    short: "l",
    value: "LOCATION",
    about:
      "The ledger: a file, or a postgres: URL. Left out: LATCHKEY_LEDGER, then ledger.db in latchkey's state folder. A URL with a password belongs into the variable.",
    choices: "files",
  },
} as const satisfies Options;

export const endpointOption = {
  endpoint: {
    type: "string",
    short: "e",
    value: "URL",
    about:
      "Where the runtime listens, tcp://HOST:PORT. Left out: LATCHKEY_ENDPOINT, then the runtime of latchkey runtime start. Its token comes from COPILOT_CONNECTION_TOKEN or that runtime's file, never from the command line.",
  },
} as const satisfies Options;

export const jsonOption = {
  json: { type: "boolean", about: "Print JSON, one value a line." },
} as const satisfies Options;

export const by = {
  by: { type: "string", value: "NAME", about: "Who does it, for the receipts." },
} as const satisfies Options;

/** Of commands that stay up. */
export const healthOption = {
  health: {
    type: "string",
    value: "PORT",
    about:
      "Serve /live, /ready and /metrics, for Prometheus, on this port of loopback; on another address with HOST:PORT.",
  },
} as const satisfies Options;

export const selection = {
  kind: {
    type: "string",
    short: "k",
    multiple: true,
    value: "KIND",
    choices: "kinds",
    about: "Only this kind; again for another. The beginning of its name is enough.",
  },
  session: { type: "string", short: "s", multiple: true, value: "ID", about: "Only this session; again for another." },
  principal: { type: "string", short: "p", value: "NAME", about: "Only what is asked on this principal's behalf." },
} as const satisfies Options;

export function text(value: string | undefined, subject: string, command: string): string {
  if (value === undefined || value === "") throw new UsageError(`${subject} is missing`, command);
  return value;
}

/** The seconds of an option whose plain numbers are seconds. */
export const seconds = (value: string | undefined, option: string): number | undefined =>
  value === undefined ? undefined : duration(value, option, { plain: "s" }) / 1000;

export function count(value: string | undefined, option: string): number | undefined {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (!Number.isFinite(number) || number < 0) throw new UsageError(`--${option} must be a number, 0 or more`);
  return number;
}

export function oneOf<T extends string>(names: readonly string[] | undefined, all: readonly T[], option: string): T[] {
  return (names ?? []).flatMap((name) => name.split(",")).map((name) => pick(name, all, option));
}

function pick<T extends string>(name: string, all: readonly T[], option: string): T {
  const exact = all.find((each) => each === name);
  if (exact !== undefined) return exact;
  const near = all.filter((each) => each.startsWith(name));
  if (near.length === 1 && near[0] !== undefined) return near[0];
  throw new UsageError(`--${option} "${name}" is not one of: ${all.join(", ")}`);
}

/** The operand of commands that are about one entry. */
export const entryId = (operands: readonly string[], name: string): string => text(operands[0], "the entry's ID", name);
