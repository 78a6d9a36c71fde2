import { inspect, stripVTControlCharacters } from "node:util";
import { ConnectionError, LatchkeyError } from "../../base/errors.js";
import { hasHidden, visible } from "../../base/visible.js";
import type { Entry, Receipt } from "../../ledger/index.js";
import { describe, history } from "../commands/show.js";
import { entryTable } from "../entries.js";
import { explain, Stop } from "../exit.js";
import { type Io, paint } from "../io.js";

/** Lines of a stack that tell how the REPL came to evaluate what was typed. */
const ofTheRepl = /^ +at .*(?:\bnode:|\/cli\/repl\/repl\.js)/;

/** Values that the REPL shows in a form of their own. They stay what they are: a list is an array, an entry an object. */
export class Shown {
  readonly #told = new Set<unknown>();
  readonly #forms = new WeakMap<object, () => string>();
  readonly #io: Io;
  readonly #colours: boolean;

  constructor(io: Io) {
    this.#io = io;
    this.#colours = paint(io.out).isColorSupported;
  }

  list<T extends readonly Entry[]>(entries: T): T {
    this.#forms.set(entries, () => (entries.length === 0 ? "nothing is pending" : entryTable(entries, this.#layout)));
    return entries;
  }

  entry<T extends Entry>(entry: T): T {
    this.#forms.set(entry, () => describe(entry, paint(this.#io.out).dim));
    return entry;
  }

  /** An entry that something was done to: where it stands now. */
  moved<T extends Entry>(entry: T): T {
    this.#forms.set(entry, () => entryTable([entry], this.#layout));
    return entry;
  }

  receipts<T extends readonly Receipt[]>(found: T): T {
    this.#forms.set(found, () => history(found, this.#layout));
    return found;
  }

  get #layout() {
    return { width: this.#io.out.columns, head: paint(this.#io.out).dim };
  }

  /** Secrets print redacted by themselves. */
  readonly writer = (value: unknown): string => {
    if (value instanceof Stop) return value.message;
    const form = typeof value === "object" && value !== null ? this.#forms.get(value) : undefined;
    return form?.() ?? this.#inspect(value);
  };

  /** One message for an error that a line threw, or for an unhandled rejection. The object itself shows the rest when it is inspected. */
  uncaught(error: unknown): string {
    this.isNews(error);
    if (error instanceof Stop) return error.message;
    if (error instanceof LatchkeyError) return `${error.name}: ${explain(error)}`;
    // Its stack says where in Node the line was read.
    if (error instanceof SyntaxError) return `Uncaught ${error.name}: ${visible(error.message)}`;
    const lines = this.#inspect(error).split("\n");
    return `Uncaught ${lines.filter((line) => !ofTheRepl.test(stripVTControlCharacters(line))).join("\n")}`;
  }

  /** False when the same was printed before: a connection that ends fails many calls at once. */
  isNews(error: unknown): boolean {
    const text = error instanceof ConnectionError ? error.message : error;
    const known = this.#told.has(text);
    this.#told.add(text);
    return !known;
  }

  /** Forgets what was printed: a new connection begins. */
  forget(): void {
    this.#told.clear();
  }

  /** Node does not escape hidden characters in error messages. When there are any, colours are left out: they may be the stranger's. */
  #inspect(value: unknown): string {
    const options = { depth: 4, maxStringLength: 400 };
    const lines = inspect(value, options).split("\n");
    if (!lines.some(hasHidden)) return inspect(value, { ...options, colors: this.#colours });
    return lines.map((line) => (hasHidden(line) ? visible(line) : line)).join("\n");
  }
}
