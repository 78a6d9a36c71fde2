import { inspect } from "node:util";

const redacted = "[redacted]";

/**
 * The secret part of a pending request as one value. Printing, `JSON.stringify` and `util.inspect` show it redacted;
 * `reveal()` is the deliberate way to the plain object, for a host that keeps a store of its own.
 */
export class Secrets<Plain extends object = object> {
  readonly #plain: Plain;

  /** Takes the plain object as it is. */
  constructor(plain: Plain) {
    this.#plain = plain;
  }

  /** The plain object, nested as in the event. Keep it where secrets are kept. */
  reveal(): Plain {
    return this.#plain;
  }

  /** `"[redacted]"`, so that `JSON.stringify` shows no secret. */
  toJSON(): string {
    return redacted;
  }

  /** `"[redacted]"`. */
  toString(): string {
    return redacted;
  }

  /** `"[redacted]"`, so that `console.log` shows no secret. */
  [inspect.custom](): string {
    return redacted;
  }
}
