import { closeSync, lstatSync, mkdirSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { isCode } from "../../base/code.js";
import { LedgerError } from "../../base/errors.js";
import { distrust, followLinks, makePrivate, syncFolder } from "../../base/private-file.js";
import { databaseError } from "./outlook.js";

/** What SQLite keeps beside a database while it is open. */
const journals = ["-wal", "-shm"];

/**
 * The file exists with its mode before SQLite opens it; the journal files inherit that mode. Returns its path without links.
 * @throws LedgerError `DATABASE` for a file, or a link, that somebody else could have put there
 */
export function reserve(location: string): string {
  const found = followLinks(location);
  if ("link" in found) throw refused(location, `is reached by the link "${found.link}" of user ${found.uid}`);
  const { path } = found;
  try {
    for (const end of ["", ...journals, "-journal"]) refuseStrange(`${path}${end}`);
    if (statSync(path, { throwIfNoEntry: false }) === undefined) create(path);
    // Where a file system has no modes, others can read what is not secret. Secrets are sealed.
    makePrivate(path);
  } catch (error) {
    throw error instanceof LedgerError ? error : databaseError("the file system", error);
  }
  return path;
}

function create(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  try {
    closeSync(openSync(path, "wx", 0o600));
    syncFolder(dirname(path));
  } catch (error) {
    if (!isCode(error, "EEXIST")) throw error;
    refuseStrange(path);
  }
}

function refuseStrange(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  // `followLinks` left no link on the way: this one was made since, or stands beside the database.
  const why = found.isSymbolicLink() ? "is a link" : distrust(found);
  if (why !== undefined) throw refused(path, why);
}

const refused = (path: string, why: string): LedgerError =>
  new LedgerError("DATABASE", `the ledger file "${path}" ${why}; it is not opened`);

/** The files of an open database. SQLite goes on writing to a file that was removed, moved or replaced, and nobody else sees that. */
export class OpenFiles {
  readonly #path: string;
  readonly #known = new Map<string, string>();

  constructor(path: string) {
    this.#path = path;
    this.#see("");
  }

  /** @throws LedgerError `UNAVAILABLE` when a file is not the one that SQLite has open */
  check(): void {
    for (const end of ["", ...journals]) this.#see(end);
  }

  #see(end: string): void {
    const path = `${this.#path}${end}`;
    const found = statSync(path, { bigint: true, throwIfNoEntry: false });
    const known = this.#known.get(end);
    const now = found && `${found.dev} ${found.ino}`;
    // SQLite makes a journal when it first needs it, and keeps it as long as it is open.
    if (known === undefined && now !== undefined) this.#known.set(end, now);
    if (known === undefined || known === now) return;
    throw new LedgerError(
      "UNAVAILABLE",
      `the file "${path}" is not the one that was opened: it was removed, moved or replaced. Put it back, or open the ledger again`,
    );
  }
}
