import { readFileSync } from "node:fs";
import type { ChooseClientOptions, OAuthOptions } from "../../oauth/index.js";
import { exit, Stop, UsageError } from "../exit.js";
import type { Io } from "../io.js";
import { readAll } from "../prompt.js";

/** What the command line says about signing in. */
export interface SignInFlags {
  browser?: boolean | undefined;
  device?: boolean | undefined;
  paste?: boolean | undefined;
  "no-person"?: boolean | undefined;
  "client-id"?: string | undefined;
  "client-secret-file"?: string | undefined;
  "client-key-file"?: string | undefined;
  "client-metadata-url"?: string | undefined;
  "client-name"?: string | undefined;
  "client-credentials"?: boolean | undefined;
  issuer?: string | undefined;
  "new-client"?: boolean | undefined;
  "redirect-uri"?: string | undefined;
  port?: string | undefined;
  "try-in-doubt"?: boolean | undefined;
  "allow-http"?: boolean | undefined;
}

/** How a person signs in, should one be needed. */
export type Way = "browser" | "device" | "paste" | "none";

export interface SignInOptions {
  readonly way: Way;
  /** Where the browser comes back to, where it is not the broker's own listener at `port`. */
  readonly redirectUri: string | undefined;
  readonly port: number;
  readonly client: Pick<ChooseClientOptions, "registered" | "metadataUrl" | "privateKey">;
  /** As people see it when they are asked for consent. */
  readonly clientName: string;
  /** Registers anew although a client is kept. */
  readonly newClient: boolean;
  /** The client asks for itself, whatever the request says. */
  readonly clientCredentials: boolean;
  readonly inDoubt: "person" | "try";
  readonly net: Pick<OAuthOptions, "allowHttp">;
}

/** The same on every machine, so that a registered client can be used again. No service is known by it. */
export const usualPort = 17_845;
export const redirectOn = (port: number): string => `http://127.0.0.1:${port}/callback`;

const ways = ["browser", "device", "paste", "no-person"] as const;

/** @throws UsageError for what contradicts itself; Stop when a file cannot be read. */
export async function signInOptions(flags: SignInFlags, io: Io): Promise<SignInOptions> {
  const chosen = ways.filter((way) => flags[way]);
  const [way] = chosen;
  if (way === undefined || chosen.length > 1)
    throw new UsageError("--oauth needs one of --browser, --device, --paste and --no-person");
  const redirectUri = flags["redirect-uri"];
  if (redirectUri !== undefined && way !== "paste")
    throw new UsageError("--redirect-uri goes with --paste: with --browser, the browser comes back to this machine");
  if (flags["client-secret-file"] === "-" && way === "paste")
    throw new UsageError("with --paste, standard input is for addresses: give the secret in a file");
  return {
    way: way === "no-person" ? "none" : way,
    redirectUri,
    port: portOf(flags.port),
    client: await clientOf(flags, io),
    clientName: flags["client-name"] ?? "latchkey",
    newClient: flags["new-client"] === true,
    clientCredentials: flags["client-credentials"] === true,
    inDoubt: flags["try-in-doubt"] ? "try" : "person",
    net: { allowHttp: flags["allow-http"] },
  };
}

function portOf(text: string | undefined): number {
  if (text === undefined) return usualPort;
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) throw new UsageError("--port must be a port, 0 to 65535");
  return port;
}

async function clientOf(flags: SignInFlags, io: Io): Promise<SignInOptions["client"]> {
  const { "client-id": clientId, "client-metadata-url": metadataUrl, issuer } = flags;
  const [secretFile, keyFile] = [flags["client-secret-file"], flags["client-key-file"]];
  if (clientId !== undefined && metadataUrl !== undefined)
    throw new UsageError("give --client-id or --client-metadata-url, not both");
  if (secretFile !== undefined && keyFile !== undefined)
    throw new UsageError("give --client-secret-file or --client-key-file, not both");
  if (clientId === undefined && (secretFile !== undefined || issuer !== undefined))
    throw new UsageError("--client-secret-file and --issuer go with --client-id");
  if (keyFile !== undefined && clientId === undefined && metadataUrl === undefined)
    throw new UsageError("--client-key-file goes with --client-id or --client-metadata-url");
  // An MCP server names its authorization server. Without --issuer, a server of a stranger could ask for the secret.
  if (clientId !== undefined && secretFile !== undefined && issuer === undefined)
    throw new UsageError("--client-secret-file needs --issuer: the authorization server that the secret is for");
  const privateKey = keyFile === undefined ? undefined : { pem: await contents(keyFile, io) };
  if (clientId === undefined) return { metadataUrl, privateKey };
  const clientSecret = secretFile === undefined ? undefined : (await contents(secretFile, io)).trim();
  return { registered: { clientId, clientSecret, privateKey, issuer } };
}

async function contents(file: string, io: Io): Promise<string> {
  let text: string;
  try {
    text = file === "-" ? await readAll(io.in) : readFileSync(file, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? ` (${error.code})` : "";
    throw new Stop(exit.usage, `"${file}" cannot be read${code}`);
  }
  if (text.trim() === "") throw new UsageError(file === "-" ? "standard input is empty" : `"${file}" is empty`);
  return text;
}
