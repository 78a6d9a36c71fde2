/** Remembers the last ids of all sessions together and tells repeats within one. Its memory does not grow. */
export function createSeen(size: number): (sessionId: string, id: string) => boolean {
  /** Whose id it is. Ids are unique but where a session is a copy of another: then the second's has its session before it. */
  const owners = new Map<string, string>();
  const ring: string[] = new Array(size);
  let at = 0;
  return (sessionId, id) => {
    const owner = owners.get(id);
    if (owner === sessionId) return true;
    const key = owner === undefined ? id : `${sessionId} ${id}`;
    if (owner !== undefined && owners.has(key)) return true;
    const oldest = ring[at];
    if (oldest !== undefined) owners.delete(oldest);
    owners.set(key, sessionId);
    ring[at] = key;
    at = (at + 1) % size;
    return false;
  };
}
