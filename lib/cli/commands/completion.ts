import { type Io, oneLine, print } from "../io.js";
import { hasKeyCommand } from "../key-command.js";
import { reachLedger } from "../reach.js";
import type { Command, Option } from "./command.js";

/** The scripts ask latchkey for the words, so they contain no command names. */
const scripts = {
  bash: `_latchkey() {
  local cur=\${COMP_WORDS[COMP_CWORD]} line
  COMPREPLY=()
  while IFS= read -r line; do
    if [ "$line" = :files ]; then compopt -o default; else COMPREPLY+=("$line"); fi
  done < <(latchkey complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _latchkey latchkey`,
  zsh: `_latchkey() {
  local -a found
  found=("\${(@f)$(latchkey complete "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ \${found[1]} == :files ]]; then _files; else compadd -- $found; fi
}
compdef _latchkey latchkey`,
  fish: `function __latchkey_words
  set -l found (latchkey complete (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)
  if test "$found[1]" = :files
    __fish_complete_path (commandline -ct)
  else
    printf '%s\\n' $found
  end
end
complete -c latchkey -f -a '(__latchkey_words)'`,
} as const;

export async function script(shell: keyof typeof scripts, io: Io): Promise<undefined> {
  await print(io.out, scripts[shell]);
}

/** What may stand in the place of the last word, a line each. `:files` leaves it to the shell. */
export async function candidates(commands: readonly Command[], words: readonly string[], io: Io): Promise<undefined> {
  const last = words.at(-1) ?? "";
  const found = await offers(commands, words.slice(0, -1), last).catch(() => []);
  const fitting = found.filter((word) => word === ":files" || word.startsWith(last));
  if (fitting.length > 0) await print(io.out, fitting.join("\n"));
}

async function offers(
  commands: readonly Command[],
  before: readonly string[],
  last: string,
): Promise<readonly string[]> {
  const command = commands.find(({ name }) => name.split(" ").every((word, i) => before[i] === word));
  if (command === undefined) {
    const path = before.join(" ");
    const under = commands.map(({ name }) => name).filter((name) => path === "" || name.startsWith(`${path} `));
    return [...new Set(under.map((name) => name.split(" ")[before.length] ?? ""))];
  }
  const deeper = commands.map(({ name }) => name.split(" ")).filter((words) => isDeeper(words, before));
  if (deeper.length > 0 && !last.startsWith("-")) return deeper.map((words) => words[before.length] ?? "");
  const previous = before.at(-1) ?? "";
  const option = Object.entries(command.options).find(
    ([name, { short }]) => previous === `--${name}` || (short !== undefined && previous === `-${short}`),
  )?.[1];
  if (option?.type === "string") return await values(option);
  if (last.startsWith("-")) return [...Object.keys(command.options).map((name) => `--${name}`), "--help"];
  if (command.completes === "shells") return Object.keys(scripts);
  if (command.completes === undefined) return [];
  // Somebody would be asked for a password at each press of Tab.
  if (hasKeyCommand()) return [];
  const at = Math.max(before.indexOf("--ledger"), before.indexOf("-l"));
  await using ledger = await reachLedger(at < 0 ? undefined : before[at + 1]);
  if (command.completes === "grants") return (await ledger.grants()).map(({ id }) => idFor(last, id));
  const { isWaiting, pendingStates } = await import("../entries.js");
  const waiting = (await ledger.list({ state: pendingStates })).filter(isWaiting);
  return waiting.map(({ id }) => idFor(last, id));
}

/** Whether these words go on where the line stands: `grants forget` after `grants`. */
const isDeeper = (words: readonly string[], before: readonly string[]): boolean =>
  words.length > before.length && before.every((word, i) => words[i] === word);

/** Short, until somebody types more of it. */
const idFor = (typed: string, id: string): string => oneLine(typed.length > 8 ? id : id.slice(0, 8));

async function values({ choices }: Option): Promise<readonly string[]> {
  if (choices === "kinds") return (await import("../../pending/internal.js")).kindNames;
  if (choices === "states") return (await import("../entries.js")).stateNames;
  return choices === "files" ? [":files"] : [];
}
