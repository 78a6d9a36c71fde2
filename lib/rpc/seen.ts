/**
 * Remembers the last events of all sessions together, at least `size` of them, and tells repeats within one session. Its memory
 * does not grow: when the young ones are `size`, they become the old ones, and those are forgotten.
 *
 * Ids are UUIDs and kept as bytes. As strings they would live just long enough for V8 to move them to the old part of its heap,
 * where they lie for long, and a flood would be felt in memory. What is not as long as a UUID, or not ASCII, is kept by name.
 */
export function createSeen(size: number): (sessionId: string, id: string) => boolean {
  const encoder = new TextEncoder();
  const bytes = new Uint8Array(4 * words);
  const key = new Uint32Array(bytes.buffer);
  let young = createIds(size);
  let old = createIds(size);

  return (sessionId, id) => {
    const { written } = encoder.encodeInto(id, bytes);
    const fits = written === bytes.length && written === id.length;
    const where = fits ? hash(key) : `${sessionId} ${id}`;
    if (young.has(where, sessionId, key) || old.has(where, sessionId, key)) return true;
    if (young.size() === size) {
      [young, old] = [old, young];
      young.clear();
    }
    young.add(where, sessionId, key);
    return false;
  };
}

/** Of the 36 characters of a UUID. */
const words = 9;

function hash(key: Uint32Array): number {
  let mixed = 0;
  for (let i = 0; i < words; i++) mixed ^= key[i] ?? 0;
  return Math.imul(mixed, 0x9e3779b1) >>> 8;
}

/** An open hash table: ids in one piece of memory, beside each the session that it was in. `where` is a hash; or it is a name. */
function createIds(size: number) {
  const last = 2 ** Math.ceil(Math.log2(2 * size)) - 1;
  const ids = new Uint32Array((last + 1) * words);
  const sessions = new Array<string | undefined>(last + 1).fill(undefined);
  const names = new Set<string>();
  let count = 0;

  function holds(slot: number, key: Uint32Array): boolean {
    for (let i = 0; i < words; i++) if (ids[slot * words + i] !== key[i]) return false;
    return true;
  }

  /** The slot with this id of this session, or the free one where it belongs. */
  function find(hashed: number, session: string, key: Uint32Array): number {
    let slot = hashed & last;
    while (sessions[slot] !== undefined && !(sessions[slot] === session && holds(slot, key))) slot = (slot + 1) & last;
    return slot;
  }

  return {
    size: () => count,
    has: (where: number | string, session: string, key: Uint32Array): boolean =>
      typeof where === "string" ? names.has(where) : sessions[find(where, session, key)] !== undefined,
    add(where: number | string, session: string, key: Uint32Array): void {
      count++;
      if (typeof where === "string") {
        names.add(where);
        return;
      }
      const slot = find(where, session, key);
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
