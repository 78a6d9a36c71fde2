/**
 * Remembers the last events of all sessions together, at least `size` of them, and tells repeats within one session. Its memory
 * does not grow: when the young ones are `size`, they become the old ones, and those are forgotten.
 *
 * Ids are UUIDs and kept as numbers, four characters in each. As strings they would live just long enough for V8 to move them to the old part of its
 * heap, where they lie for long, and a flood would be felt in memory. What is not as long as a UUID, or not ASCII, is kept by name.
 */
export function createSeen(size: number): (sessionId: string, id: string) => boolean {
  const key = new Uint32Array(words);
  let young = createIds(size);
  let old = createIds(size);

  /** The present young ones become the old ones once there are enough of them. */
  function makeRoom(): boolean {
    if (young.size() < size) return false;
    [young, old] = [old, young];
    young.clear();
    return true;
  }

  return (sessionId, id) => {
    if (!pack(id, key)) {
      const name = `${sessionId} ${id}`;
      if (young.names.has(name) || old.names.has(name)) return true;
      makeRoom();
      young.names.add(name);
      return false;
    }
    const hashed = hash(key);
    let slot = young.find(hashed, sessionId, key);
    if (young.holds(slot) || old.holds(old.find(hashed, sessionId, key))) return true;
    if (makeRoom()) slot = young.find(hashed, sessionId, key);
    young.put(slot, sessionId, key);
    return false;
  };
}

/** Of the 36 characters of a UUID. */
const words = 9;

/** Writes an id into the key. False when it is none that fits: not as long as a UUID, or not ASCII. */
function pack(id: string, key: Uint32Array): boolean {
  if (id.length !== 4 * words) return false;
  let all = 0;
  for (let i = 0; i < words; i++) {
    const a = id.charCodeAt(4 * i);
    const b = id.charCodeAt(4 * i + 1);
    const c = id.charCodeAt(4 * i + 2);
    const d = id.charCodeAt(4 * i + 3);
    all |= a | b | c | d;
    key[i] = a | (b << 8) | (c << 16) | (d << 24);
  }
  return all < 128;
}

/** Each word changes all that follows: ids that are counted up differ in a few digits only. */
function hash(key: Uint32Array): number {
  let mixed = 0;
  for (let i = 0; i < words; i++) {
    mixed = Math.imul(mixed ^ (key[i] ?? 0), 0x9e3779b1);
    mixed ^= mixed >>> 15;
  }
  return mixed >>> 0;
}

/** An open hash table: ids in one piece of memory, beside each the session that it was in; and ids that are kept by name. */
function createIds(size: number) {
  const last = 2 ** Math.ceil(Math.log2(2 * size)) - 1;
  const ids = new Uint32Array((last + 1) * words);
  const sessions = new Array<string | undefined>(last + 1).fill(undefined);
  const names = new Set<string>();
  let count = 0;

  function isAt(slot: number, key: Uint32Array): boolean {
    for (let i = 0; i < words; i++) if (ids[slot * words + i] !== key[i]) return false;
    return true;
  }

  return {
    names,
    size: () => count + names.size,
    /** The slot with this id of this session, or the free one where it belongs. */
    find(hashed: number, session: string, key: Uint32Array): number {
      let slot = hashed & last;
      while (sessions[slot] !== undefined && !(sessions[slot] === session && isAt(slot, key))) slot = (slot + 1) & last;
      return slot;
    },
    holds: (slot: number): boolean => sessions[slot] !== undefined,
    put(slot: number, session: string, key: Uint32Array): void {
      count++;
      sessions[slot] = session;
      for (let i = 0; i < words; i++) ids[slot * words + i] = key[i] ?? 0;
    },
    clear(): void {
      count = 0;
      sessions.fill(undefined);
      names.clear();
    },
  };
}
