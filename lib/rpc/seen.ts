/**
 * Remembers the last ids of all sessions together, at least `size` of them, and tells repeats within one. Its memory does
 * not grow: when the young ones are `size`, they become the old ones, and those are forgotten.
 */
export function createSeen(size: number): (sessionId: string, id: string) => boolean {
  /** Whose id it is. Ids are unique but where a session is a copy of another: then the second's has its session before it. */
  let young = new Map<string, string>();
  let old = new Map<string, string>();
  return (sessionId, id) => {
    const owner = young.get(id) ?? old.get(id);
    if (owner === sessionId) return true;
    const key = owner === undefined ? id : `${sessionId} ${id}`;
    if (owner !== undefined && (young.has(key) || old.has(key))) return true;
    if (young.size === size) {
      old = young;
      young = new Map();
    }
    young.set(key, sessionId);
    return false;
  };
}
