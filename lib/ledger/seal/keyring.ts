import { createHmac, webcrypto } from "node:crypto";
import { LedgerError } from "../../base/errors.js";
import { first, type Rule, rows, text } from "../engine/engine.js";
import { keyId } from "./keys.js";

/** Loaded when something is sealed or opened: a process that only lists does without. */
const jose = () => import("./jwe.js");

const encode = new TextEncoder();
const decode = new TextDecoder();

/**
 * Seals values as JWE (`dir`, `A256GCM`). The header names the key and, as `for`, the one place where the value belongs:
 * a sealed value that was moved to another row does not open.
 */
export class Keyring {
  readonly #keys: ReadonlyMap<string, Uint8Array>;
  readonly #kid: string;
  readonly #key: Uint8Array;
  /** Each as jose wants it, made once: it would make it for every value. */
  readonly #made = new Map<string, Promise<webcrypto.CryptoKey>>();

  /** Opens with any of the keys, seals with the first. */
  constructor(keys: readonly Uint8Array[]) {
    const [sealing] = keys;
    if (sealing === undefined) throw new LedgerError("WRONG_KEY", "the ledger needs a key and none was given");
    this.#key = sealing;
    this.#kid = keyId(sealing);
    this.#keys = new Map(keys.map((key) => [keyId(key), key]));
  }

  async seal(place: string, value: unknown): Promise<string> {
    const { CompactEncrypt } = await jose();
    return await new CompactEncrypt(encode.encode(JSON.stringify(value)))
      .setProtectedHeader({ alg: "dir", enc: "A256GCM", kid: this.#kid, for: place })
      .encrypt(await this.#make(this.#kid, this.#key));
  }

  #make(kid: string, key: Uint8Array): Promise<webcrypto.CryptoKey> {
    const made =
      this.#made.get(kid) ?? webcrypto.subtle.importKey("raw", key, "AES-GCM", false, ["encrypt", "decrypt"]);
    this.#made.set(kid, made);
    return made;
  }

  async open(place: string, sealed: string): Promise<unknown> {
    const { compactDecrypt } = await jose();
    let plain: string;
    let belongs: unknown;
    try {
      const opened = await compactDecrypt(
        sealed,
        ({ kid }) => {
          const key = this.#keys.get(kid ?? "");
          if (key === undefined) throw new Error(`no key "${kid}" was given`);
          return this.#make(kid ?? "", key);
        },
        { keyManagementAlgorithms: ["dir"], contentEncryptionAlgorithms: ["A256GCM"] },
      );
      plain = decode.decode(opened.plaintext);
      belongs = opened.protectedHeader.for;
    } catch (cause) {
      throw new LedgerError("WRONG_KEY", "a sealed value does not open with the keys given", cause);
    }
    if (belongs !== place) throw new LedgerError("WRONG_KEY", "a sealed value lies where it does not belong");
    return JSON.parse(plain);
  }

  /** Recognises a value without keeping it: the same value under the same key has the same digest. */
  digests(value: unknown): readonly [string, ...string[]] {
    const body = canonical(value);
    const digest = (kid: string, key: Uint8Array): string =>
      `${kid}.${createHmac("sha256", key).update("latchkey answer\0").update(body).digest("base64url")}`;
    return [digest(this.#kid, this.#key), ...[...this.#keys].map(([kid, key]) => digest(kid, key))];
  }

  /** The key that seals. */
  get kid(): string {
    return this.#kid;
  }

  /** What a new ledger keeps to know its key again. */
  async proof(): Promise<string> {
    return await this.seal("proof", "latchkey");
  }

  has(kid: string): boolean {
    return this.#keys.has(kid);
  }
}

/** Key ids that a ledger was sealed with; none while it is new. */
export function* sealedWith(): Rule<string[]> {
  return (yield* rows("SELECT kid FROM @seals")).map((row) => text(row.kid));
}

/** Refuses keys that are not this ledger's, before anything is changed; notes a new first key. */
export function* acceptKeys(keyring: Keyring, proof: string): Rule<void> {
  yield { lock: "seals" };
  const known = yield* sealedWith();
  refuseStrangers(keyring, known);
  yield* first("INSERT INTO @seals (kid, proof) VALUES (?, ?) ON CONFLICT (kid) DO NOTHING", keyring.kid, proof);
}

export function refuseStrangers(keyring: Keyring, known: readonly string[]): void {
  if (known.length === 0 || known.some((kid) => keyring.has(kid))) return;
  throw new LedgerError("WRONG_KEY", "the ledger was sealed with another key");
}

/** JSON with the members of every object in one order. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_name, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
