import { visible } from "../base/visible.js";
import { shortId } from "./entries.js";
import { type Io, oneLine, paint, print, printJson } from "./io.js";

/** How bad it is. `warn`: it goes on, and somebody may want to look. `error`: something was not done. */
export type Level = "info" | "warn" | "error";

/** What happened, and to what. Nothing in it is secret. */
export interface LogLine {
  /** What happened, in one word of a fixed list. */
  readonly did: string;
  /** Default `info`. */
  readonly level?: Level;
  /** The entry's whole id. A line for people has its beginning. */
  readonly id?: string | undefined;
  /** The session's id. */
  readonly session?: string | undefined;
  readonly [field: string]: string | number | undefined;
}

/** Writes one line. Resolves when the stream has taken it. `forPeople` stands in for the line where it is not JSON. */
export type Log = (line: LogLine, forPeople?: string) => Promise<void>;

/**
 * The log of a command that stays up, one line for each thing that happens. With `--json` a line is an object that begins with `at` (ISO 8601, UTC),
 * `level` and `did`; ids and other fields follow. For people it is the time, what happened, and the fields.
 */
export function createLog(json: boolean, io: Io): Log {
  const { dim } = paint(io.out);
  return async ({ did, level = "info", ...fields }, forPeople) => {
    const at = new Date().toISOString();
    if (json) return await printJson(io.out, { at, level, did, ...fields });
    await print(io.out, forPeople ?? `${dim(at)}  ${[did, ...texts(fields)].join("  ")}`);
  };
}

const texts = (fields: Readonly<Record<string, string | number | undefined>>): string[] =>
  Object.entries(fields)
    .filter(([, field]) => field !== undefined && field !== "")
    .map(([name, field]) => shown(name, String(field)));

/** Something to be opened. Half of it is none. */
const whole = ["url", "link"];

function shown(name: string, text: string): string {
  if (name === "id") return shortId(text);
  return whole.includes(name) ? visible(text) : oneLine(text);
}
