import { LedgerError } from "../base/errors.js";
import { checkPrincipal } from "../base/principal.js";
import type { Ledger } from "./contract.js";
import type { Engine } from "./engine/engine.js";
import { migrate } from "./engine/schema.js";
import { acceptKey, isKnown, knownKeys } from "./rules/seals.js";
import { Keyring, type KnownKey } from "./seal/keyring.js";
import { type Key, keyId, parseKey, parseKeys, principalKey } from "./seal/keys.js";
import { Store } from "./store.js";

/**
 * Which key opens a ledger. Left out: `LATCHKEY_KEY`, which may be several keys with blanks or commas between them, as in `keys`; else the
 * key file beside an SQLite ledger. PostgreSQL has no default key.
 */
export interface KeyOptions {
  /** 32 bytes that seal and open. */
  key?: Key | undefined;
  /** Opens with any of them, seals with the first: put the new one in front to rotate. */
  keys?: readonly Key[] | undefined;
  /**
   * Opens for this principal's broker: the keys are the principal's own, as `deriveKey` or `latchkey key derive` gives them, and what
   * is another's is neither seen nor opened. The ledger's own key does too; the principal's is derived from it then.
   */
  principal?: string | undefined;
}

/**
 * Opens a ledger on an engine. `openLedger` does it for the engines that come with latchkey.
 * @throws LedgerError as `openLedger` does; the engine is closed then.
 */
export async function openLedgerOn(engine: Engine, options: KeyOptions = {}): Promise<Ledger> {
  try {
    const principal = checkPrincipal(options.principal);
    const fromCaller = callersKeys(options);
    await migrate(engine);
    const known = await engine.read(knownKeys);
    const isNew = known.every((key) => key.principal !== undefined);
    const keys = fromCaller ?? (await defaultKeys(engine, isNew));
    if (principal === undefined) return new Store(engine, await ownKeyring(engine, keys, known));
    // Without keys from the caller, these are the ledger's own.
    if (fromCaller === undefined) await ownKeyring(engine, keys, known);
    else if (isNew)
      throw new LedgerError("WRONG_KEY", "a new ledger is first opened with its own key, without a principal");
    return new Store(engine, principalKeyring(engine, { principal, keys, own: fromCaller === undefined, known }));
  } catch (error) {
    await engine.close().catch(() => undefined);
    throw error;
  }
}

/** The ledger's own keys. Notes the first in the ledger when it is new. */
async function ownKeyring(engine: Engine, keys: readonly Uint8Array[], known: readonly KnownKey[]): Promise<Keyring> {
  const keyring = new Keyring(keys, { known });
  const refuse = (those: readonly KnownKey[]): void => {
    if (isKnown(keyring, those) !== false) return;
    const whose = those.some(({ kid, principal }) => principal !== undefined && keyring.has(kid));
    throw new LedgerError(
      "WRONG_KEY",
      whose ? "the key is one principal's: open with that principal" : "the ledger was sealed with another key",
    );
  };
  refuse(known);
  const proof = await keyring.proof();
  if (proof === undefined) return keyring;
  await engine.transact("keys", () => acceptKey(proof, refuse));
  keyring.note(proof);
  return keyring;
}

interface PrincipalKeys {
  readonly principal: string;
  readonly keys: readonly Uint8Array[];
  /** The keys are the ledger's own. */
  readonly own: boolean;
  readonly known: readonly KnownKey[];
}

/**
 * One principal's keys. The ledger notes a principal's key when it first seals something for them. Before that nobody can tell whether
 * a key is the right one, so it is checked again before the first value is sealed or opened.
 */
function principalKeyring(engine: Engine, { principal, keys, own, known }: PrincipalKeys): Keyring {
  const isOwn = (key: Uint8Array): boolean =>
    own || known.some(({ kid, principal: whose }) => whose === undefined && kid === keyId(key));
  const derived = keys.map((key) => (isOwn(key) ? principalKey(key, principal) : key));
  const refuse = (keyring: Keyring, those: readonly KnownKey[]): boolean => {
    const right = keys.some(isOwn) || isKnown(keyring, those);
    if (right === false) throw new LedgerError("WRONG_KEY", "the ledger knows another key of this principal");
    return right === true;
  };
  const keyring: Keyring = new Keyring(derived, {
    principal,
    known,
    async confirm() {
      if (refuse(keyring, known) || refuse(keyring, await engine.read(knownKeys))) return;
      throw new LedgerError(
        "WRONG_KEY",
        "the ledger has sealed nothing for this principal yet, so this key cannot be checked",
      );
    },
  });
  refuse(keyring, known);
  return keyring;
}

function callersKeys(options: KeyOptions): Uint8Array[] | undefined {
  if (options.key !== undefined && options.keys !== undefined) throw new TypeError('give "key" or "keys", not both');
  if (options.key !== undefined) return [parseKey(options.key, '"key"')];
  if (options.keys !== undefined) return options.keys.map((key, i) => parseKey(key, `"keys[${i}]"`));
  const fromEnvironment = process.env.LATCHKEY_KEY;
  return fromEnvironment ? parseKeys(fromEnvironment, "LATCHKEY_KEY") : undefined;
}

async function defaultKeys(engine: Engine, isNew: boolean): Promise<Uint8Array[]> {
  const key = await engine.defaultKey(isNew);
  if (key === undefined) throw new LedgerError("WRONG_KEY", "the ledger needs its key and none was given");
  return [key];
}
