import { closeSync, fstatSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Script } from "node:vm";
import { cacheFolder, writePrivate } from "./place.js";

/**
 * Runs a script from the code that V8 made of it when the same command ran before: reading that takes a fraction of
 * compiling. It lies in `$XDG_CACHE_HOME/latchkey`, a file for each command and version of Node, and may be deleted at any
 * time; `NODE_DISABLE_COMPILE_CACHE=1` does without. What makes it current is the script's own hash, its last line.
 *
 * The script is one function of what it needs of its surroundings: `require`, its path, and `import`, which a script that is
 * compiled by hand does not have.
 *
 * Code is taken only from a file of the user who runs this, closed to all others: the folder may be another user's, as under
 * `sudo` with the HOME of the one who typed it.
 */
export function runCompiled(path: string, require: NodeJS.Require, args: readonly string[]): void {
  const source = readFileSync(path, "latin1");
  const place = process.env.NODE_DISABLE_COMPILE_CACHE ? undefined : cachePlace(source, args);
  const cachedData = place && read(join(place.folder, place.name));
  const script = new Script(source, { filename: path, ...(cachedData && { cachedData }) });
  if (place && (!cachedData || script.cachedDataRejected))
    // At the end it holds what the command needed on its way. A command that does not exist ends otherwise.
    process.once("exit", (code) => {
      if (code === 0) write(place, script.createCachedData());
    });
  script.runInThisContext()(require, path, (specifier: string) => import(specifier));
}

interface CachePlace {
  readonly folder: string;
  /** What stays the same in the next version of the script. */
  readonly command: string;
  readonly name: string;
}

function cachePlace(source: string, args: readonly string[]): CachePlace | undefined {
  const hash = /^\/\/ (\w+)\n$/.exec(source.slice(source.lastIndexOf("//")))?.[1];
  const word = args.includes("--help") ? "--help" : args[0];
  if (hash === undefined || word === undefined || !/^[a-z-]+$/.test(word)) return undefined;
  const command = `${word}.${process.version}.${process.arch}.`;
  return { folder: cacheFolder(), command, name: `${command}${hash}` };
}

const read = (path: string): Buffer | undefined =>
  attempt(() => {
    const file = openSync(path, "r");
    try {
      const { uid, mode } = fstatSync(file);
      const others = process.getuid !== undefined && (uid !== process.getuid() || (mode & 0o077) !== 0);
      return others ? undefined : readFileSync(file);
    } finally {
      closeSync(file);
    }
  });

/** Whole or not at all: V8 trusts what it is given. */
const write = ({ folder, command, name }: CachePlace, code: Buffer): void =>
  attempt(() => {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const draft = join(folder, `draft.${process.pid}`);
    try {
      writePrivate(draft, code);
      renameSync(draft, join(folder, name));
    } finally {
      rmSync(draft, { force: true });
    }
    for (const old of readdirSync(folder))
      if (old.startsWith(command) && old !== name) rmSync(join(folder, old), { force: true });
  });

/** Without a folder that can be read and written, the command is as slow as it is. */
function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
