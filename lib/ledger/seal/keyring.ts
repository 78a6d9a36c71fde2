import { createHash, createHmac, timingSafeEqual, webcrypto } from "node:crypto";
import { LedgerError } from "../../base/errors.js";
import { keyId, principalKey, tagKey } from "./keys.js";
import { type Place, proofPlace } from "./place.js";

let loaded: Promise<typeof import("./jwe.js")> | undefined;
/** Loaded when something is sealed or opened: a process that only lists does without. Node looks a path up for each import. */
const jose = (): Promise<typeof import("./jwe.js")> => {
  loaded ??= import("./jwe.js");
  return loaded;
};

const encode = new TextEncoder();
const decode = new TextDecoder();

interface Named {
  readonly kid: string;
  readonly bytes: Uint8Array;
}

type Named1 = readonly [Named, ...Named[]];

/** What a mark is for; one that was made for another use is none. */
export type Use = "attachment" | "ticket";

/** Keys of principals that are kept; one is derived again in some microseconds. */
const keptPrincipals = 1000;

export interface KeyringOptions {
  /** The keys are this principal's, and open and seal nothing else. Left out, they are the ledger's own. */
  readonly principal?: string | undefined;
  /** The keys that the ledger has a proof for. */
  readonly known?: readonly KnownKey[] | undefined;
  /** Asked before the first value is sealed or opened. Rejects when the keys turn out not to be this ledger's. */
  readonly confirm?: (() => Promise<void>) | undefined;
}

/**
 * Seals values as JWE (`dir`, `A256GCM`), what is a principal's with the principal's key, the rest with the ledger's own. The header
 * names the key (`kid`), the one place where the value belongs (`for`), and a digest of its row (`bind`).
 *
 * Ledgers of format 1 sealed everything with their own key and without `bind`. The ledger's own key opens such a value; a
 * principal's key never does, so nobody who has only that can make one.
 */
export class Keyring {
  readonly principal: string | undefined;
  readonly #keys: Named1;
  readonly #derived = new Map<string, Named1>();
  /** Each as jose wants it, made once: it would make it for every value. */
  readonly #made = new WeakMap<Named, Promise<webcrypto.CryptoKey>>();
  /** Whose each is, by its id. */
  readonly #known: Map<string, string | undefined>;
  #confirm: (() => Promise<void>) | undefined;

  /** Opens with any of the keys, seals with the first. */
  constructor(keys: readonly Uint8Array[], { principal, known = [], confirm }: KeyringOptions = {}) {
    const [first, ...rest] = keys.map((bytes) => ({ kid: keyId(bytes), bytes }));
    if (first === undefined) throw new LedgerError("WRONG_KEY", "the ledger needs a key and none was given");
    this.#keys = [first, ...rest];
    this.principal = principal;
    this.#known = new Map(known.map((key) => [key.kid, key.principal]));
    this.#confirm = confirm;
  }

  /** The key that seals. */
  get kid(): string {
    return this.#keys[0].kid;
  }

  /** How many keys open. */
  get count(): number {
    return this.#keys.length;
  }

  /** Whether a value was sealed with the key that seals now. */
  isCurrent(principal: string | undefined, sealed: string): boolean {
    return kidOf(sealed) === this.#keysOf(principal)[0].kid;
  }

  has(kid: string): boolean {
    return this.#keys.some((key) => key.kid === kid);
  }

  #keysOf(principal: string | undefined): Named1 {
    if (this.principal !== undefined && principal !== this.principal) {
      throw new LedgerError("WRONG_KEY", "the key is one principal's; it opens and seals nothing else");
    }
    if (this.principal !== undefined || principal === undefined) return this.#keys;
    const known = this.#derived.get(principal);
    if (known !== undefined) return known;
    const derive = ({ bytes }: Named): Named => {
      const derived = principalKey(bytes, principal);
      return { kid: keyId(derived), bytes: derived };
    };
    const [first, ...rest] = this.#keys;
    const made: Named1 = [derive(first), ...rest.map(derive)];
    if (this.#derived.size >= keptPrincipals) this.#derived.clear();
    this.#derived.set(principal, made);
    return made;
  }

  async #ready(): Promise<void> {
    await this.#confirm?.();
    this.#confirm = undefined;
  }

  async seal(place: Place, value: unknown): Promise<string> {
    const [key] = this.#keysOf(place.principal);
    await this.#ready();
    const { CompactEncrypt } = await jose();
    return await new CompactEncrypt(encode.encode(JSON.stringify(value)))
      .setProtectedHeader({ alg: "dir", enc: "A256GCM", kid: key.kid, for: place.name, bind: bindingOf(place) })
      .encrypt(await this.#make(key));
  }

  #make(key: Named): Promise<webcrypto.CryptoKey> {
    const made =
      this.#made.get(key) ?? webcrypto.subtle.importKey("raw", key.bytes, "AES-GCM", false, ["encrypt", "decrypt"]);
    this.#made.set(key, made);
    return made;
  }

  /**
   * @throws LedgerError `CORRUPT` when the value was sealed for another row, or its row says something else than then; `WRONG_KEY`
   * when it was sealed with a key that is not here.
   */
  async open(place: Place, sealed: string): Promise<unknown> {
    return (await this.unseal(place, sealed)).value;
  }

  /** `bound` tells that the seal covers its row; those of format 1 do not. */
  async unseal(place: Place, sealed: string): Promise<{ value: unknown; bound: boolean }> {
    this.#keysOf(place.principal);
    await this.#ready();
    const { compactDecrypt } = await jose();
    let bound = false;
    try {
      const opened = await compactDecrypt(
        sealed,
        (header) => {
          bound = header.bind !== undefined;
          return this.#make(this.#opener(place, header));
        },
        { keyManagementAlgorithms: ["dir"], contentEncryptionAlgorithms: ["A256GCM"] },
      );
      return { value: JSON.parse(decode.decode(opened.plaintext)), bound };
    } catch (error) {
      if (error instanceof LedgerError) throw error;
      throw new LedgerError("CORRUPT", "a sealed value was changed", error);
    }
  }

  /** The key that a header names, where the value lies where it belongs. The header itself is proven by the decryption. */
  #opener(place: Place, { kid, for: name, bind }: Readonly<Record<string, unknown>>): Named {
    if (name !== place.name) throw new LedgerError("CORRUPT", "a sealed value was moved to another row");
    if (bind !== undefined && bind !== bindingOf(place)) {
      throw new LedgerError("CORRUPT", "a row was changed after its value was sealed");
    }
    const named = this.#keysOf(place.principal).find((key) => key.kid === kid);
    const old =
      this.principal === undefined && bind === undefined ? this.#keys.find((key) => key.kid === kid) : undefined;
    if (named !== undefined && bind === undefined && named !== old) {
      throw new LedgerError("CORRUPT", "a sealed value is not bound to its row");
    }
    const found = named ?? old;
    if (found !== undefined) return found;
    const whose = this.#known.get(String(kid));
    if (whose !== undefined && whose !== place.principal) {
      throw new LedgerError("CORRUPT", "a sealed value was made with another principal's key");
    }
    throw new LedgerError("WRONG_KEY", "a sealed value does not open with the keys given");
  }

  /** Recognises a value without keeping it: the same value under the same key has the same digest. The first is to be kept. */
  digests(principal: string | undefined, value: unknown): readonly [string, ...string[]] {
    const digest = digestOf("latchkey answer\0", canonical(value));
    const [first, ...rest] = this.#keysOf(principal);
    const old = this.principal === undefined && principal !== undefined ? this.#keys : [];
    return [digest(first), ...[...rest, ...old].map(digest)];
  }

  /** Proves that somebody who has the principal's key wrote these texts down together. */
  mark(use: Use, principal: string | undefined, texts: readonly (string | number)[]): string {
    return digestOf(`latchkey ${use}\0`, JSON.stringify(texts))(this.#keysOf(principal)[0]);
  }

  isMark(mac: string, use: Use, principal: string | undefined, texts: readonly (string | number)[]): boolean {
    const digest = digestOf(`latchkey ${use}\0`, JSON.stringify(texts));
    return this.#keysOf(principal).some((key) => isSame(digest(key), mac));
  }

  /** What stands for a tag in the ledger: one for each key, the first is to be kept. Nobody without the key can tell which tag it is. */
  tags(principal: string | undefined, tag: string): readonly [string, ...string[]] {
    const digest = (key: Named): string => digestOf("latchkey tag\0", tag)({ kid: key.kid, bytes: tagKey(key.bytes) });
    const [first, ...rest] = this.#keysOf(principal);
    return [digest(first), ...rest.map(digest)];
  }

  /** What the ledger keeps to know a key again: nothing when it has that. */
  async proof(principal?: string): Promise<Proof | undefined> {
    const [{ kid }] = this.#keysOf(principal);
    if (this.#known.has(kid)) return undefined;
    return { kid, principal, proof: await this.seal(proofPlace(principal), "latchkey") };
  }

  /** The ledger has the proof now. */
  note({ kid, principal }: KnownKey): void {
    this.#known.set(kid, principal);
  }
}

/** A key that a ledger was sealed with: its own, or a principal's. */
export interface KnownKey {
  readonly kid: string;
  readonly principal: string | undefined;
}

export interface Proof extends KnownKey {
  readonly proof: string;
}

const bindingOf = ({ covers }: Place): string =>
  createHash("sha256").update(JSON.stringify(covers)).digest("base64url");

/** The key that a header names; nothing is proven by that. */
function kidOf(sealed: string): unknown {
  const [header = ""] = sealed.split(".");
  const { kid } = JSON.parse(Buffer.from(header, "base64url").toString());
  return kid;
}

const digestOf =
  (use: string, body: string) =>
  ({ kid, bytes }: Named): string =>
    `${kid}.${createHmac("sha256", bytes).update(use).update(body).digest("base64url")}`;

export function isSame(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

/** JSON with the members of every object in one order. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_name, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
