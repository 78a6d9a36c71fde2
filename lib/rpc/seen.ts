/**
 * Remembers the last events of all sessions together, at least `size` of them, and tells repeats within one session. Its memory
 * does not grow: when the young ones are `size`, they become the old ones, and those are forgotten.
 *
 * Ids are kept as bytes. As strings they would live just long enough for V8 to move them to the old part of its heap, where they
 * lie for long, and a flood would be felt in memory. An id that is longer than a UUID or not ASCII is kept as it is.
 */
export function createSeen(size: number): (sessionId: string, id: string) => boolean {
  const encoder = new TextEncoder();
  const bytes = new Uint8Array(4 * idWords);
  const words = new Uint32Array(bytes.buffer);
  const text = bytes.subarray(0, uuidLength);
  let young = new Ids(size);
  let old = new Ids(size);
  let texts = { young: new Set<string>(), old: new Set<string>() };

  function inBytes(sessionId: string): boolean {
    let mixed = 0;
    for (let i = 0; i < idWords; i++) mixed ^= words[i] ?? 0;
    mixed = Math.imul(mixed, 0x9e3779b1) >>> 8;
    let slot = young.find(sessionId, words, mixed);
    if (young.isTaken(slot) || old.isTaken(old.find(sessionId, words, mixed))) return true;
    if (young.size === size) {
      [young, old] = [old, young];
      young.clear();
      slot = young.find(sessionId, words, mixed);
    }
    young.take(slot, sessionId, words);
    return false;
  }

  function inText(name: string): boolean {
    if (texts.young.has(name) || texts.old.has(name)) return true;
    if (texts.young.size === size) texts = { young: new Set(), old: texts.young };
    texts.young.add(name);
    return false;
  }

  return (sessionId, id) => {
    const { written } = encoder.encodeInto(id, text);
    if (written !== id.length) return inText(`${sessionId} ${id}`);
    if (written < uuidLength) text.fill(0, written);
    bytes[uuidLength] = written;
    return inBytes(sessionId);
  };
}

const uuidLength = 36;
/** The bytes of an id, and in one more word its length. */
const idWords = uuidLength / 4 + 1;

/** An open hash table: ids in one piece of memory, beside each the session that it was in. */
class Ids {
  size = 0;
  readonly #last: number;
  readonly #ids: Uint32Array;
  readonly #sessions: string[];
  /** A slot is taken when it was written since the last `clear`. */
  readonly #writtenAt: Uint32Array;
  #now = 1;

  constructor(size: number) {
    const slots = 2 ** Math.ceil(Math.log2(2 * size));
    this.#last = slots - 1;
    this.#ids = new Uint32Array(slots * idWords);
    this.#sessions = new Array<string>(slots).fill("");
    this.#writtenAt = new Uint32Array(slots);
  }

  /** The slot with this id of this session, or the free one where it belongs. */
  find(session: string, id: Uint32Array, mixed: number): number {
    let slot = mixed & this.#last;
    while (this.isTaken(slot) && !this.#holds(slot, session, id)) slot = (slot + 1) & this.#last;
    return slot;
  }

  isTaken(slot: number): boolean {
    return this.#writtenAt[slot] === this.#now;
  }

  #holds(slot: number, session: string, id: Uint32Array): boolean {
    for (let i = 0; i < idWords; i++) if (this.#ids[slot * idWords + i] !== id[i]) return false;
    return this.#sessions[slot] === session;
  }

  take(slot: number, session: string, id: Uint32Array): void {
    this.size++;
    for (let i = 0; i < idWords; i++) this.#ids[slot * idWords + i] = id[i] ?? 0;
    this.#sessions[slot] = session;
    this.#writtenAt[slot] = this.#now;
  }

  clear(): void {
    this.#now++;
    this.size = 0;
  }
}
