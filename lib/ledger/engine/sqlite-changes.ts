import { type FSWatcher, watch } from "node:fs";
import { basename, dirname } from "node:path";

/** How often a waiting process looks at the data version: a read of shared memory that takes some microseconds. */
const lookMs = 20;
/** When it looks after the file system said that the journal is being written: the commit is visible a little later. */
const alertMs = [1, 1, 2, 4, 8];

/**
 * Tells when any process has written to a database. SQLite notifies nobody. So while somebody listens, its data version is looked at:
 * in regular steps, and sooner when the file system says that the journal is being written.
 */
export class SqliteChanges {
  readonly #readVersion: () => unknown;
  readonly #path: string | undefined;
  readonly #listeners = new Set<() => void>();
  #looking: NodeJS.Timeout | undefined;
  #watching: FSWatcher | undefined;
  #alert: NodeJS.Timeout | undefined;
  #alertStep = 0;
  #version: unknown;
  #closed = false;

  /** `path` is that of the database, where it is a file. */
  constructor(readVersion: () => unknown, path: string | undefined) {
    this.#readVersion = readVersion;
    this.#path = path;
    this.#version = readVersion();
  }

  listen(wake: () => void): () => void {
    this.#listeners.add(wake);
    // It does not keep the process alive: whoever waits has a timer that does.
    this.#looking ??= setInterval(() => this.#look(), lookMs).unref();
    this.#watching ??= this.#watchJournal();
    return () => {
      this.#listeners.delete(wake);
      if (this.#listeners.size === 0) this.#stop();
    };
  }

  wake(): void {
    for (const wake of [...this.#listeners]) wake();
  }

  close(): void {
    this.#closed = true;
    this.#stop();
  }

  #stop(): void {
    clearInterval(this.#looking);
    clearTimeout(this.#alert);
    this.#watching?.close();
    this.#looking = this.#alert = this.#watching = undefined;
  }

  /** Not every file system tells; the regular look is what can be relied on. */
  #watchJournal(): FSWatcher | undefined {
    if (this.#path === undefined) return undefined;
    const journal = `${basename(this.#path)}-wal`;
    try {
      return watch(dirname(this.#path), { persistent: false }, (_, name) => {
        // A look that is near will do; one that is far is brought forward: the next commit is not.
        if (name === journal && !(this.#alert && this.#alertStep < 2)) this.#lookSoon(0);
      }).on("error", () => undefined);
    } catch {
      return undefined;
    }
  }

  /** Looks until there is something to see, at growing distances. */
  #lookSoon(step: number): void {
    const pauseMs = alertMs[step];
    clearTimeout(this.#alert);
    this.#alert = undefined;
    this.#alertStep = step;
    if (pauseMs === undefined || this.#closed) return;
    this.#alert = setTimeout(() => {
      this.#alert = undefined;
      if (!this.#look()) this.#lookSoon(step + 1);
    }, pauseMs).unref();
  }

  /** Whether another process changed something since the last look. */
  #look(): boolean {
    if (this.#closed) return false;
    try {
      const version = this.#readVersion();
      if (version === this.#version) return false;
      this.#version = version;
    } catch {
      // Nobody listens for an error here. Whoever waits looks by itself before long, and gets it then.
      return false;
    }
    this.wake();
    return true;
  }
}
