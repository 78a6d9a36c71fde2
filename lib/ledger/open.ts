import { LedgerError } from "../base/errors.js";
import type { Ledger } from "./contract.js";
import type { Engine } from "./engine/engine.js";
import { migrate } from "./engine/schema.js";
import { acceptKeys, Keyring, refuseStrangers, sealedWith } from "./seal/keyring.js";
import { type Key, parseKey } from "./seal/keys.js";
import { Store } from "./store.js";

export interface KeyOptions {
  /** 32 bytes that seal and open. */
  key?: Key | undefined;
  /** Opens with any of them, seals with the first: put the new one in front to rotate. */
  keys?: readonly Key[] | undefined;
}

/** Opens a ledger on an engine. `openLedger` does it for the engines that come with latchkey. */
export async function openLedgerOn(engine: Engine, options: KeyOptions = {}): Promise<Ledger> {
  try {
    const given = givenKeys(options);
    await migrate(engine);
    const known = await engine.read(sealedWith);
    const keyring = new Keyring(given ?? (await defaultKeys(engine, known.length === 0)));
    refuseStrangers(keyring, known);
    if (!known.includes(keyring.kid)) {
      const proof = await keyring.proof();
      await engine.transact("keys", () => acceptKeys(keyring, proof));
    }
    return new Store(engine, keyring);
  } catch (error) {
    await engine.close().catch(() => undefined);
    throw error;
  }
}

function givenKeys(options: KeyOptions): Uint8Array[] | undefined {
  if (options.key !== undefined && options.keys !== undefined) throw new TypeError('give "key" or "keys", not both');
  if (options.key !== undefined) return [parseKey(options.key, '"key"')];
  if (options.keys !== undefined) return options.keys.map((key, i) => parseKey(key, `"keys[${i}]"`));
  const fromEnvironment = process.env.LATCHKEY_KEY;
  return fromEnvironment ? [parseKey(fromEnvironment, "LATCHKEY_KEY")] : undefined;
}

async function defaultKeys(engine: Engine, isNew: boolean): Promise<Uint8Array[]> {
  const key = await engine.defaultKey(isNew);
  if (key === undefined) throw new LedgerError("WRONG_KEY", "the ledger needs its key and none was given");
  return [key];
}
