import { execFile } from "node:child_process";
import { readdir, readFile, readlink } from "node:fs/promises";
import { promisify } from "node:util";

/**
 * What tells a noted runtime from whatever has its process id or its port later. Plain JSON, to be kept beside the endpoint.
 * Process ids and ports are given out again: after a crash or a restart of the machine a stranger may have either.
 */
export interface RuntimeMark {
  /** `tcp://127.0.0.1:41234`. */
  readonly endpoint: string;
  readonly pid: number;
  /** When the process began, in the words of the operating system; only good for comparing. Left out where it says nothing. */
  readonly processStart?: string;
}

/**
 * - `running`: the same process, and it listens at the endpoint.
 * - `gone`: no process has this id, or a later one does. Never signal it, and send no token to the endpoint.
 * - `not-listening`: the same process, but somebody else has the port, or nobody. Send no token to the endpoint.
 * - `unknown`: this operating system does not say, or the mark has no start time. Nothing is proved.
 */
export type MarkedState = "running" | "gone" | "not-listening" | "unknown";

const run = promisify(execFile);

/** The programs of the system that are asked get what they need, and none of this process's secrets. */
const execOptions = () => ({
  env: { PATH: process.env.PATH, SystemRoot: process.env.SystemRoot, LC_ALL: "C", TZ: "UTC" },
  timeout: 10_000,
  windowsHide: true,
});

/** Marks a runtime that runs, so that `checkMark` knows it again, from any process of the same machine and user. */
export async function markRuntime({ endpoint, pid }: { endpoint: string; pid: number }): Promise<RuntimeMark> {
  const processStart = await startOf(pid);
  return { endpoint, pid, ...(typeof processStart === "string" ? { processStart } : {}) };
}

/** Whether process id, start of the process and listening port are still those of the marked runtime. Sends nothing to anyone. */
export async function checkMark(mark: RuntimeMark): Promise<MarkedState> {
  const start = await startOf(mark.pid);
  if (start === null) return "gone";
  if (start === undefined || mark.processStart === undefined) return "unknown";
  if (start !== mark.processStart) return "gone";
  const listens = await listensAt(mark.pid, new URL(mark.endpoint));
  // It may have ended, and another process may have its id and port, since the start was read.
  if ((await startOf(mark.pid)) !== start) return "gone";
  return listens === undefined ? "unknown" : listens ? "running" : "not-listening";
}

/** Null when there is no such process, undefined when nothing can be found out. */
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
    // The second field, the program's name in brackets, may itself hold blanks and brackets. State is the 3rd, start the 22nd.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [state, start] = [fields[0], fields[19]];
    if (state === "Z" || state === "X") return null;
    return start === undefined ? undefined : `${boot.trim()} ${start}`;
  } catch (error) {
    return isMissing(error) ? await missing() : undefined;
  }
}

/** Without a `/proc` nothing is known of any process. */
async function missing(): Promise<null | undefined> {
  return await readFile("/proc/self/stat").then(
    () => null,
    () => undefined,
  );
}

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

/** What a program of the system says; null when it found nothing, undefined when it cannot be run. */
async function asked(program: string, ...args: readonly string[]): Promise<string | null | undefined> {
  const all = program === "powershell.exe" ? ["-NoProfile", "-NonInteractive", "-Command", ...args] : args;
  try {
    const { stdout } = await run(program, all, execOptions());
    return stdout.trim() || null;
  } catch (error) {
    return hasCode(error) && typeof error.code === "number" ? null : undefined;
  }
}

const hasCode = (error: unknown): error is { code: unknown } =>
  typeof error === "object" && error !== null && "code" in error;

/** ESRCH: the process ended while its file was read. */
const isMissing = (error: unknown): boolean => hasCode(error) && (error.code === "ENOENT" || error.code === "ESRCH");
