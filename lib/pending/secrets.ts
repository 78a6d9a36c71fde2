import { inspect } from "node:util";

const redacted = "[redacted]";

/**
 * The secret part of a pending request as one value. Printing, `JSON.stringify` and `util.inspect` show it redacted;
 * `reveal()` is the deliberate way to the plain object, for a host that keeps a store of its own.
 */
export class Secrets<Plain extends object = object> {
  readonly #plain: Plain;

  constructor(plain: Plain) {
    this.#plain = plain;
  }

  reveal(): Plain {
    return this.#plain;
  }

  toJSON(): string {
    return redacted;
  }

  toString(): string {
    return redacted;
  }

  [inspect.custom](): string {
    return redacted;
  }
}
