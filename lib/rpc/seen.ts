/** Remembers the last ids and tells repeats. Its memory does not grow. */
export function createSeen(size: number): (id: string) => boolean {
  const ids = new Set<string>();
  const ring: string[] = new Array(size);
  let at = 0;
  return (id) => {
    if (ids.has(id)) return true;
    const oldest = ring[at];
    if (oldest !== undefined) ids.delete(oldest);
    ids.add(id);
    ring[at] = id;
    at = (at + 1) % size;
    return false;
  };
}
