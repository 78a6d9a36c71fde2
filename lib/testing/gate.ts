/**
 * Who may work on a session. Calls go on side by side; a resume needs the session for itself. It waits for every call that is out, and
 * every later call queues behind it, the answer that would end the waiting included: the wedge of a late attach. Nothing takes a
 * resume out of the queue again, neither its cancellation nor the end of its connection.
 */
export interface Gate {
  shared<T>(run: () => T | Promise<T>): Promise<T>;
  exclusive<T>(run: () => T | Promise<T>): Promise<T>;
  /** Fails what waits and what is out, and everything later. */
  close(reason: Error): void;
}

export function createGate(): Gate {
  const queue: { alone: boolean; start(): void; reject(reason: Error): void }[] = [];
  const out = new Set<(reason: Error) => void>();
  let alone = false;
  let closed: Error | undefined;

  function pump(): void {
    for (let next = queue[0]; next !== undefined; next = queue[0]) {
      if (alone || (next.alone && out.size > 0)) return;
      queue.shift();
      next.start();
    }
  }

  function enter<T>(isAlone: boolean, run: () => T | Promise<T>): Promise<T> {
    if (closed) return Promise.reject(closed);
    return new Promise<T>((resolve, reject) => {
      const start = (): void => {
        let result: T | Promise<T>;
        try {
          result = run();
        } catch (error) {
          reject(error);
          return;
        }
        if (!(result instanceof Promise)) {
          resolve(result);
          return;
        }
        out.add(reject);
        alone = isAlone;
        const leave = (): void => {
          out.delete(reject);
          if (isAlone) alone = false;
          pump();
        };
        result.finally(leave).then(resolve, reject);
      };
      queue.push({ alone: isAlone, start, reject });
      pump();
    });
  }

  return {
    shared: (run) => enter(false, run),
    exclusive: (run) => enter(true, run),
    close(reason) {
      closed = reason;
      for (const { reject } of queue.splice(0)) reject(reason);
      for (const reject of [...out]) reject(reason);
      out.clear();
    },
  };
}
