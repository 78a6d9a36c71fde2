import * as v from "valibot";
import { OAuthError, type OAuthStep } from "../base/errors.js";
import { type Challenge, challengeOf, type OAuthRequest } from "./challenge.js";
import { redacted } from "./redact.js";
import { jsonObjectOf } from "./refusal.js";
import { type Authority, parseMetadata, type ServerMetadata } from "./shapes.js";
import { tracedStep } from "./traced.js";
import { allowedUrl, type OAuthOptions, transport } from "./transport.js";

/** Options of `discover`. */
export interface DiscoverOptions extends OAuthOptions {
  /** Which of the resource's authorization servers. Default the first. */
  issuer?: string | undefined;
  /** For servers of before 2025-06-18, which publish no resource metadata: their origin is their authorization server. */
  legacy?: boolean | undefined;
}

const resourceMetadata = v.object({
  resource: v.pipe(v.string(), v.nonEmpty()),
  authorization_servers: v.pipe(v.array(v.string()), v.minLength(1)),
  scopes_supported: v.nullish(v.array(v.string())),
});
type ResourceMetadata = v.InferOutput<typeof resourceMetadata>;

/**
 * From the challenge to the authorization server: the resource's metadata (RFC 9728), its issuer, the issuer's metadata (RFC 8414
 * or OpenID Connect Discovery). What the request already holds is not fetched again.
 * @throws OAuthError `NO_METADATA`, `INVALID_METADATA`, `RESOURCE_MISMATCH`, `ISSUER_MISMATCH`, `FORBIDDEN_URL`, `UNREACHABLE`
 * @example
 * ```ts
 * import { discover, type OAuthRequest } from "latchkey/oauth";
 *
 * export async function signInAt(request: OAuthRequest): Promise<string> {
 *   const authority = await discover(request, { timeoutMs: 10_000 });
 *   return `${authority.issuer} for ${authority.resource}`;
 * }
 * ```
 */
export function discover(request: OAuthRequest, options: DiscoverOptions = {}): Promise<Authority> {
  return tracedStep(
    "discover",
    () => ({ resource: request.data.serverUrl }),
    () => discoverFrom(request, options),
  );
}

async function discoverFrom(request: OAuthRequest, options: DiscoverOptions): Promise<Authority> {
  const challenge = challengeOf(request);
  const published = await findResource(challenge, options);
  const { serverUrl } = challenge;
  if (!fits(published.resource, serverUrl))
    throw new OAuthError(
      "RESOURCE_MISMATCH",
      "resource-metadata",
      `the metadata of "${serverUrl.origin}" is of another resource`,
    );
  const issuer = options.issuer ?? published.authorization_servers[0] ?? "";
  if (!published.authorization_servers.includes(issuer))
    throw new OAuthError(
      "ISSUER_CHANGED",
      "resource-metadata",
      "the resource has another authorization server than the one asked for",
    );
  return redacted({
    ...{ v: 1, type: "authority", issuer, resource: published.resource },
    ...(published.scopes_supported ? { scopesSupported: published.scopes_supported } : {}),
    metadata: await serverMetadata(issuer, serverUrl.href, options),
  });
}

async function findResource(challenge: Challenge, options: DiscoverOptions): Promise<ResourceMetadata> {
  const { serverUrl, metadata, metadataUrl } = challenge;
  const fetched = metadata === undefined ? undefined : jsonOf(metadata);
  if (v.is(resourceMetadata, fetched)) return v.parse(resourceMetadata, fetched);
  for (const url of resourceUrls(serverUrl, metadataUrl)) {
    const document = await documentAt(url, serverUrl.href, "resource-metadata", options);
    if (document !== undefined) return valid(resourceMetadata, document, "resource-metadata", url);
  }
  if (options.legacy) return { resource: serverUrl.href, authorization_servers: [serverUrl.origin] };
  throw new OAuthError(
    "NO_METADATA",
    "resource-metadata",
    `"${serverUrl.origin}" publishes no metadata of its resource`,
  );
}

/** In the order of the MCP specification: what the challenge names, the well-known place of the path, that of the root. */
function resourceUrls(serverUrl: URL, named: string | undefined): string[] {
  const place = "/.well-known/oauth-protected-resource";
  const path = serverUrl.pathname.replace(/\/$/, "");
  const known = [path, ""].map((below) => `${serverUrl.origin}${place}${below}${below && serverUrl.search}`);
  return [...new Set([...(named === undefined ? [] : [named]), ...known])];
}

/** The same origin, and a path that is the server's or above it. */
function fits(resource: string, serverUrl: URL): boolean {
  if (!URL.canParse(resource) || resource.includes("#")) return false;
  const url = new URL(resource);
  if (url.origin !== serverUrl.origin) return false;
  if (url.search !== "" && url.search !== serverUrl.search) return false;
  const above = url.pathname.replace(/\/?$/, "/");
  return serverUrl.pathname.replace(/\/?$/, "/").startsWith(above);
}

/**
 * The metadata of an issuer.
 * @throws OAuthError
 */
export async function serverMetadata(issuer: string, resource: string, options: OAuthOptions): Promise<ServerMetadata> {
  const { origin, search, hash } = allowedUrl(issuer, resource, "server-metadata", options);
  if (search !== "" || hash !== "")
    throw new OAuthError("INVALID_METADATA", "server-metadata", `the issuer at "${origin}" has a query or a fragment`);
  for (const url of metadataUrls(new URL(issuer))) {
    const document = await documentAt(url, resource, "server-metadata", options);
    if (document === undefined) continue;
    if (document.issuer !== issuer)
      throw new OAuthError("ISSUER_MISMATCH", "server-metadata", `the metadata at "${origin}" is of another issuer`);
    return usable(document, resource, options, url);
  }
  throw new OAuthError(
    "NO_METADATA",
    "server-metadata",
    `"${origin}" publishes no metadata of an authorization server`,
  );
}

/** In the order of the MCP specification: RFC 8414, OpenID Connect Discovery with the path inserted, and appended. */
function metadataUrls({ origin, pathname }: URL): string[] {
  const path = pathname.replace(/\/$/, "");
  const [oauth, openid] = ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"];
  if (path === "") return [`${origin}${oauth}`, `${origin}${openid}`];
  return [`${origin}${oauth}${path}`, `${origin}${openid}${path}`, `${origin}${path}${openid}`];
}

const endpoints = [
  ...(["authorization_endpoint", "token_endpoint", "registration_endpoint", "revocation_endpoint"] as const),
  ...(["device_authorization_endpoint", "pushed_authorization_request_endpoint"] as const),
];

/** What is `null` in a document is left out of it, and every endpoint may be asked. */
function usable(
  document: Record<string, unknown>,
  resource: string,
  options: OAuthOptions,
  url: string,
): ServerMetadata {
  const present = Object.fromEntries(Object.entries(document).filter(([, value]) => value !== null));
  let metadata: ServerMetadata;
  try {
    metadata = parseMetadata(present);
  } catch (cause) {
    throw new OAuthError(
      "INVALID_METADATA",
      "server-metadata",
      `the metadata of "${new URL(url).origin}" cannot be used`,
      { cause },
    );
  }
  for (const name of endpoints) {
    const endpoint = metadata[name];
    if (endpoint !== undefined) allowedUrl(endpoint, resource, "server-metadata", options);
  }
  return metadata;
}

/** The JSON object at a URL; nothing where there is none. */
async function documentAt(
  url: string,
  resource: string,
  step: OAuthStep,
  options: OAuthOptions,
): Promise<Record<string, unknown> | undefined> {
  const response = await transport(
    resource,
    step,
    options,
  )(url, { method: "GET", headers: { accept: "application/json" } });
  const { status } = response;
  const { origin } = new URL(url);
  if (status >= 400 && status < 500) return undefined;
  if (status !== 200)
    throw new OAuthError("INVALID_RESPONSE", step, `"${origin}" answered with the status ${status}`, { status });
  const json = await jsonObjectOf(response);
  if (json === undefined)
    throw new OAuthError("INVALID_METADATA", step, `what "${origin}" publishes is no JSON object`, { status });
  return json;
}

function valid<S extends v.GenericSchema>(
  schema: S,
  document: unknown,
  step: OAuthStep,
  url: string,
): v.InferOutput<S> {
  const result = v.safeParse(schema, document);
  if (result.success) return result.output;
  const wrong = result.issues.map((issue) => v.getDotPath(issue)).join(", ");
  throw new OAuthError("INVALID_METADATA", step, `the metadata of "${new URL(url).origin}" lacks or spoils ${wrong}`);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
