import { createRequire } from "node:module";
import { commands } from "./commands/all.js";
import type { Command, Option, Options } from "./commands/command.js";
import { exit, UsageError } from "./exit.js";
import { type Io, paint, print } from "./io.js";
import { wrap } from "./wrap.js";

/** Help as a manual page has it. `topic` is a command's name, or the first word of some. */
export async function help(topic: string, io: Io, { asked }: { asked: boolean }): Promise<number> {
  const stream = asked ? io.out : io.err;
  const look = { bold: paint(stream).bold, columns: stream.columns };
  const found = commands.find(({ name }) => name === topic);
  const group = commands.filter(({ name }) => topic !== "" && name.startsWith(`${topic} `));
  if (topic !== "" && !found && group.length === 0) throw new UsageError(`there is no command "${topic}"`);
  await print(stream, found ? page(found, look) : overview(group.length > 0 ? group : commands, look));
  return asked ? exit.done : exit.usage;
}

export async function version(io: Io): Promise<number> {
  const manifest: { version: string } = createRequire(import.meta.url)("../../package.json");
  await print(io.out, manifest.version);
  return exit.done;
}

interface Look {
  readonly bold: (text: string) => string;
  /** The terminal's width. Undefined: no terminal. */
  readonly columns: number | undefined;
}

function overview(listed: readonly Command[], { bold, columns }: Look): string {
  const width = listed.reduce((most, { name }) => Math.max(most, name.length), 0) + 2;
  const widest = 2 + width + listed.reduce((most, { summary }) => Math.max(most, summary.length), 0);
  return [
    bold("NAME"),
    wrap("latchkey - requests of the Copilot runtime, written down and answered from anywhere", "  ", columns),
    "",
    bold("SYNOPSIS"),
    "  latchkey COMMAND [OPTION…] [OPERAND]",
    "",
    bold("COMMANDS"),
    ...(columns !== undefined && widest > columns
      ? listed.flatMap(({ name, summary }) => [`  ${name}`, wrap(summary, "      ", columns)])
      : listed.map(({ name, summary }) => `  ${name.padEnd(width)}${summary}`)),
    "",
    wrap("latchkey COMMAND --help says more about each, with examples.", "", columns),
    "",
    bold("ENVIRONMENT"),
    ...definitions(
      [
        ["LATCHKEY_LEDGER", "The ledger, unless --ledger is given."],
        [
          "LATCHKEY_KEY",
          "The ledger's key: 32 bytes in base64, base64url or hex. An SQLite ledger has a key file beside it otherwise.",
        ],
        [
          "LATCHKEY_KEY_COMMAND",
          "A shell command that prints the key, where LATCHKEY_KEY is not set: that of a keychain or a vault.",
        ],
        ["LATCHKEY_PRINCIPAL", "Whose key that is, where it is not the ledger's own."],
        ["LATCHKEY_ENDPOINT", "Where the runtime listens, unless --endpoint is given."],
        ["COPILOT_CONNECTION_TOKEN", "The runtime's token, for a runtime that latchkey did not start."],
        ["XDG_STATE_HOME", "Where latchkey's state folder lies; ~/.local/state when unset."],
        ["NO_COLOR", "No colours, whatever the terminal."],
      ],
      columns,
    ),
    "",
    bold("EXIT CODES"),
    ...definitions(
      [
        [`${exit.done}`, "Done."],
        [`${exit.failed}`, "Failed, or doctor found something."],
        [`${exit.usage}`, "A mistake on the command line."],
        [`${exit.nothing}`, "Nothing has this id, or there is nothing to do."],
        [`${exit.refused}`, "The ledger's rules refuse it: claimed by another, answered before, over."],
        [`${exit.ledger}`, "The ledger cannot be opened."],
        [`${exit.runtime}`, "The runtime cannot be reached, or wants another token."],
        [`${exit.remote}`, "The runtime answered with an error."],
        [`${exit.invalid}`, "The answer does not fit its kind; nothing was written."],
        ["129, 130, 143", "Stopped by SIGHUP, SIGINT, SIGTERM. keep, broker, notify and ls --watch end with 0 then."],
      ],
      columns,
    ),
  ].join("\n");
}

function page(command: Command, { bold, columns }: Look): string {
  const { name, operands, summary, about, options, examples } = command;
  return [
    bold("NAME"),
    wrap(`latchkey ${name} - ${lower(summary)}`, "  ", columns),
    "",
    bold("SYNOPSIS"),
    `  latchkey ${name}${Object.keys(options).length > 0 ? " [OPTION…]" : ""}${operands ? ` ${operands}` : ""}`,
    "",
    bold("DESCRIPTION"),
    about.map((paragraph) => wrap(paragraph, "  ", columns)).join("\n\n"),
    ...(Object.keys(options).length > 0 ? ["", bold("OPTIONS"), ...definitions(optionLines(options), columns)] : []),
    "",
    bold("EXAMPLES"),
    ...examples.flatMap(([line, effect]) => [`  ${line}`, wrap(effect, "      ", columns)]),
  ].join("\n");
}

const lower = (summary: string): string => summary.charAt(0).toLowerCase() + summary.slice(1).replace(/\.$/, "");

const optionLines = (options: Options): [string, string][] =>
  [...Object.entries(options), ["help", helpOption] as const].map(([name, { short, value, about }]) => [
    `${short ? `-${short}, ` : ""}--${name}${value ? ` ${value}` : ""}`,
    about,
  ]);

const helpOption: Option = { type: "boolean", short: "h", about: "Show this." };

const definitions = (pairs: readonly (readonly [string, string])[], columns: number | undefined): string[] =>
  pairs.flatMap(([term, text]) =>
    term.length < 6
      ? [`  ${term.padEnd(6)}${wrap(text, "        ", columns).trimStart()}`]
      : [`  ${term}`, wrap(text, "        ", columns)],
  );
