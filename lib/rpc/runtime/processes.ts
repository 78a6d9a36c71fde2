import { execFile } from "node:child_process";
import { readdir, readFile, readlink } from "node:fs/promises";
import { promisify } from "node:util";
import { codeOf } from "../../base/code.js";

/** What the operating system says of processes: `/proc` on Linux, `ps` and `lsof` on other Unixes, PowerShell on Windows. */

const run = promisify(execFile);

/** How long such a program may take. */
const programLimitMs = 10_000;

/** The programs of the system that are asked get what they need, and none of this process's secrets. */
const execOptions = () => ({
  env: { PATH: process.env.PATH, SystemRoot: process.env.SystemRoot, LC_ALL: "C", TZ: "UTC" },
  timeout: programLimitMs,
  windowsHide: true,
});

/** When a process began, in words that are only good for comparing. Null when there is no such process, undefined when nothing is said. */
export async function startOf(pid: number, platform: string = process.platform): Promise<string | null | undefined> {
  if (!Number.isSafeInteger(pid) || pid < 1) return null;
  if (platform === "linux") return await startInProc(pid);
  if (platform === "win32")
    return await asked("powershell.exe", `(Get-Process -Id ${pid}).StartTime.ToUniversalTime().Ticks`);
  return await asked("ps", "-o", "lstart=", "-p", String(pid));
}

/** The kernel counts from the start of the machine, so the machine's start belongs to it. */
async function startInProc(pid: number): Promise<string | null | undefined> {
  try {
    const [boot, stat] = await Promise.all([
      readFile("/proc/sys/kernel/random/boot_id", "utf8"),
      readFile(`/proc/${pid}/stat`, "utf8"),
    ]);
    const fields = fieldsOf(stat);
    const [state, start] = [fields[0], fields[19]];
    if (state === "Z" || state === "X") return null;
    return start === undefined ? undefined : `${boot.trim()} ${start}`;
  } catch (error) {
    return isMissing(error) ? await missing() : undefined;
  }
}

/** State, parent and so on. The field before them, the program's name in brackets, may itself hold blanks and brackets. */
const fieldsOf = (stat: string): string[] => stat.slice(stat.lastIndexOf(")") + 2).split(" ");

/** Without a `/proc` nothing is known of any process. */
async function missing(): Promise<null | undefined> {
  return await readFile("/proc/self/stat").then(
    () => null,
    () => undefined,
  );
}

/** Whether the process listens at the endpoint. Undefined when nothing is said. */
export async function listensAt(
  pid: number,
  endpoint: URL,
  platform: string = process.platform,
): Promise<boolean | undefined> {
  const port = Number(endpoint.port);
  if (platform === "linux") return await listensInProc(pid, endpoint.hostname, port);
  const owners =
    platform === "win32"
      ? await asked("powershell.exe", `(Get-NetTCPConnection -State Listen -LocalPort ${port}).OwningProcess`)
      : await asked("lsof", "-nP", "-a", "-p", String(pid), `-iTCP:${port}`, "-sTCP:LISTEN", "-t");
  return typeof owners === "string" ? owners.split(/\s+/).includes(String(pid)) : owners === null ? false : undefined;
}

async function listensInProc(pid: number, host: string, port: number): Promise<boolean | undefined> {
  try {
    const sockets = await listeners(host, port);
    if (sockets.size === 0) return false;
    const folder = `/proc/${pid}/fd`;
    for (const file of await readdir(folder))
      if (sockets.has(await readlink(`${folder}/${file}`).catch(() => ""))) return true;
    return false;
  } catch (error) {
    return isMissing(error) ? false : undefined;
  }
}

const listening = "0A";

/** The sockets that a connection to the place reaches, by the names that they have among a process's open files. */
async function listeners(host: string, port: number): Promise<Set<string>> {
  const [four, six] = await Promise.all(
    ["/proc/net/tcp", "/proc/net/tcp6"].map((path) => readFile(path, "utf8").catch(() => "")),
  );
  const found = new Set<string>();
  for (const line of `${four}\n${six}`.split("\n")) {
    const [, local = "", , state, , , , , , inode] = line.trim().split(/\s+/);
    const [address = "", hex = ""] = local.split(":");
    if (state === listening && Number.parseInt(hex, 16) === port && reaches(address, host))
      found.add(`socket:[${inode}]`);
  }
  return found;
}

/** A kernel writes an IPv4 address as one number in the machine's own byte order. Other addresses than IPv4 are not compared. */
function reaches(address: string, host: string): boolean {
  const bytes = host.split(".").map(Number);
  if (bytes.length !== 4 || address.length !== 8) return true;
  const hex = Buffer.from(bytes).toString("hex").toUpperCase();
  const swapped = Buffer.from(bytes.toReversed()).toString("hex").toUpperCase();
  return address === hex || address === swapped || address === "00000000";
}

/** The processes that a process started, and those that they started: only what still runs, and nothing where nothing is said. */
export async function descendantsOf(pid: number, platform: string = process.platform): Promise<number[]> {
  const parents = platform === "linux" ? await parentsInProc() : platform === "win32" ? [] : await parentsByPs();
  const found = [pid];
  // Each one's children are added behind it.
  for (const parent of found) for (const [child, of] of parents) if (of === parent) found.push(child);
  return found.slice(1);
}

async function parentsInProc(): Promise<[pid: number, parent: number][]> {
  const names = (await readdir("/proc").catch(() => [])).filter((name) => /^\d+$/.test(name));
  const stats = await Promise.all(names.map((name) => readFile(`/proc/${name}/stat`, "utf8").catch(() => "")));
  return stats.map((stat, index) => [Number(names[index]), Number(fieldsOf(stat)[1])]);
}

async function parentsByPs(): Promise<[pid: number, parent: number][]> {
  const lines = (await asked("ps", "-A", "-o", "pid=,ppid="))?.split("\n") ?? [];
  return lines.map((line) => {
    const [pid, parent] = line.trim().split(/\s+/).map(Number);
    return [pid ?? 0, parent ?? 0];
  });
}

/** What a program of the system says; null when it found nothing, undefined when it cannot be run. */
async function asked(program: string, ...args: readonly string[]): Promise<string | null | undefined> {
  const all = program === "powershell.exe" ? ["-NoProfile", "-NonInteractive", "-Command", ...args] : args;
  try {
    const { stdout } = await run(program, all, execOptions());
    return stdout.trim() || null;
  } catch (error) {
    return typeof codeOf(error) === "number" ? null : undefined;
  }
}

/** The process itself or the one of its descendants that listens at the endpoint. The process itself when nothing is said. */
export async function listenerAmong(pid: number, endpoint: string): Promise<number> {
  const place = new URL(endpoint);
  // There npm's loader is followed by its path, and asking takes a second.
  if (process.platform === "win32" || (await listensAt(pid, place)) !== false) return pid;
  for (const each of await descendantsOf(pid)) if (await listensAt(each, place)) return each;
  return pid;
}

/** ESRCH: the process ended while its file was read. */
const isMissing = (error: unknown): boolean => codeOf(error) === "ENOENT" || codeOf(error) === "ESRCH";
