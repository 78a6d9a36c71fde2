import {
  chmodSync,
  closeSync,
  fchmodSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  readlinkSync,
  type Stats,
  statSync,
} from "node:fs";
import { isAbsolute, join, parse, resolve } from "node:path";
import { isCode } from "./code.js";

/** Who runs this; nothing on Windows, which has neither such numbers nor such modes. */
const self = (): number | undefined => process.geteuid?.();

/** Root may change everything anyway. */
const isTrusted = (uid: number): boolean => uid === self() || uid === 0;

/** Why what a file holds is not to be trusted, as the end of a sentence. Nothing when it is. */
export function distrust({ uid, mode }: Pick<Stats, "uid" | "mode">): string | undefined {
  if (self() === undefined) return undefined;
  return distrustOwner(uid) ?? ((mode & 0o022) === 0 ? undefined : `can be written by others (mode ${octal(mode)})`);
}

/** Why a file of this user is not to be trusted, as the end of a sentence. Nothing when it is. */
export const distrustOwner = (uid: number): string | undefined =>
  self() === undefined || isTrusted(uid)
    ? undefined
    : `belongs to user ${uid}, and this process runs as user ${self()}`;

export const octal = (mode: number): string => (mode & 0o777).toString(8).padStart(4, "0");

/** A path without symbolic links, or the first link on the way that somebody else made. What is not there yet is no link. */
export function followLinks(path: string): { readonly path: string } | { readonly link: string; readonly uid: number } {
  const whole = resolve(path);
  if (self() === undefined) return { path: whole };
  let { root: done } = parse(whole);
  const left = whole.split("/").filter(Boolean);
  for (let links = 0; ; ) {
    const step = left.shift();
    if (step === undefined || links > 40) return { path: join(done, step ?? "", ...left) };
    const next = join(done, step);
    const found = lstatSync(next, { throwIfNoEntry: false });
    if (!found?.isSymbolicLink()) {
      done = next;
      continue;
    }
    if (!isTrusted(found.uid)) return { link: next, uid: found.uid };
    links++;
    const target = readlinkSync(next);
    if (isAbsolute(target)) done = parse(target).root;
    left.unshift(...target.split("/").filter((part) => part !== "" && part !== "."));
  }
}

/** Takes from a file what others may do with it; false where the file system, or somebody else's file, does not let us. */
export function makePrivate(file: string | number): boolean {
  const stats = typeof file === "number" ? () => fstatSync(file) : () => statSync(file);
  const isPrivate = (): boolean => self() === undefined || (stats().mode & 0o177) === 0;
  if (isPrivate()) return true;
  try {
    if (typeof file === "number") fchmodSync(file, 0o600);
    else chmodSync(file, 0o600);
  } catch (error) {
    if (!isUnsupported(error)) throw error;
  }
  return isPrivate();
}

/** The name of a new file is on disk only when its folder is. Where a folder cannot be synced nothing better can be done. */
export function syncFolder(path: string): void {
  try {
    const folder = openSync(path, "r");
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
  } catch (error) {
    if (!isUnsupported(error)) throw error;
  }
}

/** How systems say that a file system cannot do a thing: Windows, FAT, SMB, FUSE, shared folders. */
export const isUnsupported = (error: unknown): boolean =>
  ["EPERM", "EACCES", "EINVAL", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EISDIR", "EBADF", "EMLINK", "EROFS"].some((code) =>
    isCode(error, code),
  );
