/** What the request of the runtime says that an OAuth client needs: the server, its challenge (RFC 6750 section 3), its configuration. */
import { scopesIn } from "../base/scope.js";
import { type PendingRequest, wholeData } from "../pending/index.js";

/** `claim.request()`, or a pending request that was kept with its secrets. */
export type OAuthRequest = PendingRequest<"mcp.oauth_required">;

export interface Challenge {
  /** Without user info and fragment. */
  readonly serverUrl: URL;
  /** Where the challenge says that the resource's metadata is. */
  readonly metadataUrl?: string | undefined;
  /** The metadata as the runtime fetched it. */
  readonly metadata?: string | undefined;
  readonly scope: string[];
  readonly error?: string | undefined;
  readonly clientId?: string | undefined;
  readonly clientSecret?: string | undefined;
  readonly publicClient: boolean;
  readonly grantType?: string | undefined;
  readonly configuredScope: string[];
}

/** @throws TypeError when it is no request for a token. */
export function challengeOf(request: OAuthRequest): Challenge {
  if (request?.kind !== "mcp.oauth_required")
    throw new TypeError('"request" must be a pending request "mcp.oauth_required"');
  const whole = wholeData(request);
  if (!URL.canParse(whole.serverUrl)) throw new TypeError(`"serverUrl" of the request is no URL`);
  const serverUrl = new URL(whole.serverUrl);
  serverUrl.hash = "";
  serverUrl.username = "";
  serverUrl.password = "";
  const said = { ...parametersIn(whole.httpResponse?.headers), ...nonEmpty(whole.wwwAuthenticateParams) };
  const configured: Record<string, unknown> = whole.staticClientConfig ?? {};
  return {
    serverUrl,
    metadataUrl: said.resourceMetadataUrl,
    metadata: whole.resourceMetadata,
    scope: scopesIn(said.scope),
    error: said.error,
    clientId: stringOf(configured.clientId),
    clientSecret: stringOf(configured.clientSecret),
    publicClient: configured.publicClient === true,
    grantType: stringOf(configured.grantType),
    configuredScope: scopesIn(stringOf(configured.scope)),
  };
}

interface Parameters {
  readonly resourceMetadataUrl?: string | undefined;
  readonly scope?: string | undefined;
  readonly error?: string | undefined;
}

const stringOf = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined;

function nonEmpty(parameters: Parameters = {}): Parameters {
  return Object.fromEntries(Object.entries(parameters).filter(([, value]) => value !== undefined && value !== ""));
}

/** `name = token`, `name="quoted \"text\""`, and the single quotes and blanks that servers are seen to send. */
const parameter = /(?<=^|[\s,])([!#$%&*+.^_`|~0-9a-z-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([^\s,"']+))/gi;

/** The parameters of the raw challenge, for what the runtime did not understand of it. The first of a name counts. */
function parametersIn(headers: readonly { name: string; value: string }[] = []): Parameters {
  const found = new Map<string, string>();
  for (const { name, value } of headers) {
    if (name.toLowerCase() !== "www-authenticate" || !/\bbearer\b/i.test(value)) continue;
    for (const [, key = "", quoted, single, token] of value.slice(0, 16_384).matchAll(parameter)) {
      const plain = quoted?.replace(/\\(.)/g, "$1") ?? single ?? token ?? "";
      if (!found.has(key.toLowerCase()) && plain !== "") found.set(key.toLowerCase(), plain);
    }
  }
  return {
    resourceMetadataUrl: found.get("resource_metadata"),
    scope: found.get("scope"),
    error: found.get("error"),
  };
}
