import { readFileSync } from "node:fs";
import { isAbsolute } from "node:path";
import type { ConnectionOptions } from "node:tls";

/** A server by name and port, or the folder of its socket. */
export interface Host {
  readonly host: string;
  readonly port: number;
}

type Ssl = false | "prefer" | "require" | "verify-full" | ConnectionOptions;

/** The parts of a PostgreSQL URL that concern us or the client. */
export interface PostgresUrl {
  /** Tried in turn. */
  readonly hosts: readonly [Host, ...Host[]];
  readonly user?: string;
  readonly password?: string;
  readonly database?: string;
  readonly ssl: Ssl;
  /** Which of several servers will do. */
  readonly target?: "read-write" | "primary";
  readonly schema?: string;
  /** Start-up parameters that the URL names by the words that libpq has for them. */
  readonly startup: Readonly<Record<string, string>>;
  /** False where the URL says that a pooler is in between. */
  readonly prepare: boolean;
  readonly connections?: number;
}

const shape = /^postgres(?:ql)?:\/\/(?:([^/?]*)@)?([^/?@]*)(?:\/([^?]*))?(?:\?(.*))?$/s;

/**
 * Reads a URL as libpq does: several hosts, IPv6 in brackets, a socket folder as `%2Frun%2Fpostgresql` or `?host=`. It ignores
 * parameters that it does not know: they are for other clients.
 * @throws TypeError. It quotes nothing of the URL, which may hold a password.
 */
export function parsePostgresUrl(url: string): PostgresUrl {
  const [, userInfo = "", authority = "", path = "", query = ""] = shape.exec(url) ?? wrong("is no postgres: URL");
  const words = new Map([...new URLSearchParams(query.replaceAll("+", "%2B"))]);
  const word = (name: string): string | undefined => words.get(name) || undefined;
  const colon = userInfo.indexOf(":");
  const user = word("user") ?? plain(colon < 0 ? userInfo : userInfo.slice(0, colon));
  const password = word("password") ?? (colon < 0 ? undefined : plain(userInfo.slice(colon + 1)));
  const database = word("dbname") ?? plain(path);
  const schema = word("schema");
  const limit = Number(word("connection_limit"));
  const hosts = parseHosts(authority, word("host"), word("port"));
  const target = parseTarget(word("target_session_attrs"), { several: hosts.length > 1 });
  return {
    hosts,
    ...(user && { user }),
    ...(password && { password }),
    ...(database && { database }),
    ...(schema !== undefined && { schema }),
    ...(target && { target }),
    ...(limit >= 1 && { connections: Math.floor(limit) }),
    ssl: parseSsl(word),
    startup: { application_name: word("application_name") ?? "latchkey", ...optional("options", word("options")) },
    prepare: !isOn(word("pgbouncer")) && !isOff(word("prepared_statements")) && !isOff(word("prepare")),
  };
}

function parseHosts(authority: string, host: string | undefined, port: string | undefined): [Host, ...Host[]] {
  const ports = port?.split(",") ?? [];
  const named = host?.split(",") ?? authority.split(",");
  const [first, ...more] = named.map((text, i): Host => {
    // In the URL itself a port follows its host; in `?host=` it does not.
    const [, name = "", own = ""] =
      host === undefined
        ? (/^(\[[^\]]*\]|[^:[\]]*)(?::(\d*))?$/.exec(text) ?? wrong("has a host that is none"))
        : ["", text];
    const number = Number(own || ports[i] || ports[0] || process.env.PGPORT || 5432);
    if (!Number.isInteger(number) || number < 1 || number > 65_535) wrong("has a port that is none");
    return { host: plain(name.replace(/^\[(.*)\]$/, "$1")) || process.env.PGHOST || "localhost", port: number };
  });
  return first === undefined ? wrong("names no host") : [first, ...more];
}

/** A ledger is written to, so of several servers only one that takes writes will do. */
function parseTarget(target: string | undefined, { several }: { several: boolean }): PostgresUrl["target"] {
  if (target === "read-write" || target === "primary") return target;
  if (target === undefined || target === "any") return several ? "read-write" : undefined;
  return wrong('has a "target_session_attrs" that a ledger cannot use: it writes');
}

function parseSsl(word: (name: string) => string | undefined): Ssl {
  const mode = word("sslmode") ?? word("ssl") ?? (isOn(word("tls")) ? "require" : "disable");
  const root = word("sslrootcert");
  const [cert, key] = [word("sslcert"), word("sslkey")];
  if (mode === "disable" || isOff(mode)) return false;
  const files = { ...optional("cert", read(cert)), ...optional("key", read(key)) };
  // A root certificate of one's own is enough: the server's name is checked only with `verify-full`.
  if (root !== undefined && root !== "system")
    return { ...files, ca: read(root), ...(mode !== "verify-full" && { checkServerIdentity: () => undefined }) };
  if (root === "system" || mode === "verify-full" || mode === "verify-ca")
    return Object.keys(files).length > 0 ? { ...files, rejectUnauthorized: true } : "verify-full";
  if (Object.keys(files).length > 0 || mode === "no-verify") return { ...files, rejectUnauthorized: false };
  if (mode === "prefer" || mode === "allow") return "prefer";
  return mode === "require" || isOn(mode) ? "require" : wrong('has an "sslmode" that is none');
}

function read(path: string | undefined): Buffer | undefined {
  try {
    return path === undefined ? undefined : readFileSync(path);
  } catch (error) {
    throw new TypeError("the PostgreSQL URL names a certificate or key file that cannot be read", { cause: error });
  }
}

function plain(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return wrong("has a % that begins no escape; write %25 for the character itself");
  }
}

const optional = <T>(name: string, value: T | undefined): Record<string, T> =>
  value === undefined ? {} : { [name]: value };
const isOn = (value: string | undefined): boolean => value === "true" || value === "1" || value === "on";
const isOff = (value: string | undefined): boolean => value === "false" || value === "0" || value === "off";

export const isFolder = (host: string): boolean => isAbsolute(host);

function wrong(what: string): never {
  throw new TypeError(`the PostgreSQL URL ${what}`);
}
