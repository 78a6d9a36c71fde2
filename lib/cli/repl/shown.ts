import { inspect } from "node:util";
import type { Entry, Receipt } from "../../ledger/index.js";
import { describe, history } from "../commands/show.js";
import { entryTable } from "../entries.js";
import { Stop } from "../exit.js";
import { type Io, paint } from "../io.js";

/** Values that the REPL shows in a form of their own. They stay what they are: a list is an array, an entry an object. */
export class Shown {
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
    return form?.() ?? inspect(value, { colors: this.#colours, depth: 4, maxStringLength: 400 });
  };
}
