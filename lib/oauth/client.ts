import * as oauth from "oauth4webapi";
import * as v from "valibot";
import { OAuthError } from "../base/errors.js";
import { isLoopback } from "./address.js";
import { challengeOf, type OAuthRequest } from "./challenge.js";
import { redacted } from "./redact.js";
import { jsonObjectOf, refusalIn } from "./refusal.js";
import {
  type AuthMethod,
  type Authority,
  authMethods,
  type Client,
  type PrivateKey,
  parseAuthority,
} from "./shapes.js";
import { tracedStep } from "./traced.js";
import { type OAuthOptions, transport } from "./transport.js";

/** A client that the authorization server already knows: from its console, or a `Client` that was kept. */
export interface RegisteredClient {
  /** The client's id, as the authorization server gave it (RFC 6749 section 2.2). */
  clientId: string;
  /** Its secret, where it has one. */
  clientSecret?: string | undefined;
  /** Its key, where it authenticates by `private_key_jwt` (RFC 7523 section 2.2). */
  privateKey?: PrivateKey | undefined;
  /** The authorization server that it was registered with. Another one is refused. */
  issuer?: string | undefined;
  /** Left out, it follows from what the client has and the server supports. */
  authMethod?: AuthMethod | undefined;
  /** As a kept `Client` has it. One whose secret has ended is no client any more. */
  expiresAt?: string | undefined;
  /** As a kept `Client` has them: where browsers may come back to. */
  redirectUris?: readonly string[] | undefined;
  /** Where a kept client came from. `registered` when left out. */
  source?: Client["source"] | undefined;
}

/** What to register a client with (RFC 7591 section 2). */
export interface Registration {
  /** Where browsers may come back to: https, or http on loopback. */
  redirectUris: string[];
  /** As people see it when they are asked for consent. */
  name: string;
  /** The client's home page. */
  uri?: string | undefined;
  /** Left out, `native` where every redirect URI is on loopback, else `web`. */
  applicationType?: "native" | "web" | undefined;
  /** Default `authorization_code` and `refresh_token`. */
  grantTypes?: string[] | undefined;
  /** How it is to authenticate. Left out, it follows from the application type and what the server supports. */
  authMethod?: AuthMethod | undefined;
  /** The initial access token of a server that does not register everybody (RFC 7591 section 3). */
  initialAccessToken?: string | undefined;
}

/** Options of `chooseClient`: the ways to a client that there are. */
export interface ChooseClientOptions extends OAuthOptions {
  /** A client that the authorization server knows already. It stands before every other way. */
  registered?: RegisteredClient | undefined;
  /** The https URL of the client's own metadata document (draft-ietf-oauth-client-id-metadata-document). */
  metadataUrl?: string | undefined;
  /** The key that the metadata document names, where the client authenticates with one. */
  privateKey?: PrivateKey | undefined;
  /** Lets the client be registered anew (RFC 7591). Each call registers another one: keep the result, by its issuer. */
  register?: Registration | undefined;
}

/**
 * Which client to be, in the order of the MCP specification: the one that is registered (`registered`, or the `staticClientConfig` of
 * the request), a client ID metadata document where the server supports it, dynamic registration.
 * @throws OAuthError `NO_CLIENT` when there is none of these and a person has to register one; `ISSUER_CHANGED` when the registered
 * one belongs to another authorization server; `REFUSED` and `INVALID_RESPONSE` by the registration.
 * @example
 * ```ts
 * import { chooseClient, discover, type OAuthRequest } from "latchkey/oauth";
 *
 * export async function clientFor(request: OAuthRequest) {
 *   const authority = await discover(request);
 *   const register = { redirectUris: ["http://127.0.0.1:8719/callback"], name: "My host" };
 *   const client = await chooseClient(request, authority, { register });
 *   return JSON.stringify(client); // keep it by its issuer
 * }
 * ```
 */
export function chooseClient(
  request: OAuthRequest,
  authority: Authority,
  options: ChooseClientOptions = {},
): Promise<Client> {
  return tracedStep(
    "chooseClient",
    () => ({ issuer: authority.issuer, resource: authority.resource }),
    () => chosenClient(request, authority, options),
  );
}

async function chosenClient(
  request: OAuthRequest,
  authority: Authority,
  options: ChooseClientOptions,
): Promise<Client> {
  const { issuer, resource, metadata } = parseAuthority(authority);
  const { clientId, clientSecret, publicClient } = challengeOf(request);
  const configured = clientId === undefined ? undefined : { clientId, ...(publicClient ? {} : { clientSecret }) };
  const registered = options.registered && !hasEnded(options.registered) ? options.registered : configured;
  if (registered !== undefined)
    return registeredClient(registered, issuer, metadata.token_endpoint_auth_methods_supported);
  if (options.metadataUrl !== undefined && metadata.client_id_metadata_document_supported === true)
    return client(issuer, "metadata-document", {
      clientId: metadataUrl(options.metadataUrl),
      authMethod: options.privateKey === undefined ? "none" : "private_key_jwt",
      privateKey: options.privateKey,
    });
  if (options.register !== undefined && metadata.registration_endpoint !== undefined)
    return await register(options.register, { issuer, resource, metadata }, options);
  throw new OAuthError("NO_CLIENT", "client", `there is no client for the authorization server "${issuer}"`);
}

type Known = Pick<Client, "clientId" | "authMethod"> & {
  clientSecret?: string | undefined;
  privateKey?: PrivateKey | undefined;
  redirectUris?: readonly string[] | undefined;
  expiresAt?: string | undefined;
};

function client(issuer: string, source: Client["source"], known: Known): Client {
  const { clientId, authMethod, clientSecret, privateKey, redirectUris, expiresAt } = known;
  return redacted({
    ...{ v: 1, type: "client", issuer, clientId, authMethod, source },
    ...(clientSecret === undefined ? {} : { clientSecret }),
    ...(privateKey === undefined ? {} : { privateKey: { ...privateKey } }),
    ...(redirectUris === undefined ? {} : { redirectUris: [...redirectUris] }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
  });
}

function registeredClient(given: RegisteredClient, issuer: string, supported: readonly string[] | undefined): Client {
  if (given.issuer !== undefined && given.issuer !== issuer)
    throw new OAuthError(
      "ISSUER_CHANGED",
      "client",
      `the client "${given.clientId}" is registered with another authorization server`,
    );
  const authMethod = given.authMethod ?? methodFor(given, supported);
  if ((authMethod === "private_key_jwt") !== (given.privateKey !== undefined))
    throw new TypeError('a private key goes with the authentication "private_key_jwt", and with no other');
  if (authMethod.startsWith("client_secret") && given.clientSecret === undefined)
    throw new TypeError(`"${authMethod}" needs a client secret`);
  return client(issuer, given.source ?? "registered", { ...given, authMethod });
}

const hasEnded = ({ expiresAt }: RegisteredClient): boolean =>
  expiresAt !== undefined && Date.parse(expiresAt) <= Date.now();

/** RFC 8414: a server that says nothing supports HTTP Basic. */
export function methodFor(
  { clientSecret, privateKey }: Pick<RegisteredClient, "clientSecret" | "privateKey">,
  supported: readonly string[] | undefined,
): AuthMethod {
  if (privateKey !== undefined) return "private_key_jwt";
  if (clientSecret === undefined) return "none";
  const onlyPost = supported?.includes("client_secret_post") && !supported.includes("client_secret_basic");
  return onlyPost ? "client_secret_post" : "client_secret_basic";
}

function metadataUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const plain = url?.username === "" && url.password === "" && url.hash === "" && url.href === text;
  if (url?.protocol !== "https:" || url.pathname === "/" || !plain)
    throw new TypeError('"metadataUrl" must be an https URL with a path, in its canonical form');
  return text;
}

const lifetime = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(8.64e12));
/** Leniently: many servers give a secret without saying when it ends, though RFC 7591 asks for it. */
const registrationResponse = v.object({
  client_id: v.pipe(v.string(), v.nonEmpty()),
  client_secret: v.nullish(v.string()),
  client_secret_expires_at: v.fallback(v.nullish(lifetime), undefined),
  token_endpoint_auth_method: v.fallback(v.nullish(v.picklist(authMethods)), undefined),
});

async function register(
  wanted: Registration,
  { issuer, resource, metadata }: Pick<Authority, "issuer" | "resource" | "metadata">,
  options: OAuthOptions,
): Promise<Client> {
  for (const uri of wanted.redirectUris) checkRedirectUri(uri);
  const native = wanted.redirectUris.every((uri) => isLoopback(new URL(uri)));
  const applicationType = wanted.applicationType ?? (native ? "native" : "web");
  const asked = wanted.authMethod ?? registeredMethod(applicationType, metadata.token_endpoint_auth_methods_supported);
  const response = await oauth.dynamicClientRegistrationRequest(
    { issuer, registration_endpoint: metadata.registration_endpoint ?? "" },
    {
      client_name: wanted.name,
      ...(wanted.uri === undefined ? {} : { client_uri: wanted.uri }),
      redirect_uris: wanted.redirectUris,
      application_type: applicationType,
      grant_types: wanted.grantTypes ?? ["authorization_code", "refresh_token"],
      response_types: ["code"],
      token_endpoint_auth_method: asked,
    },
    {
      [oauth.customFetch]: transport(resource, "registration", options),
      [oauth.allowInsecureRequests]: true,
      ...(wanted.initialAccessToken === undefined ? {} : { initialAccessToken: wanted.initialAccessToken }),
    },
  );
  const body = await jsonObjectOf(response);
  const refusal = refusalIn(response.status, body, "registration");
  if (refusal !== undefined) throw refusal;
  const result = v.safeParse(registrationResponse, body);
  if (!result.success)
    throw new OAuthError("INVALID_RESPONSE", "registration", "the answer to the registration names no client", {
      status: response.status,
    });
  const { client_id, client_secret, client_secret_expires_at, token_endpoint_auth_method } = result.output;
  const secret = client_secret || undefined;
  const method = token_endpoint_auth_method ?? asked;
  return client(issuer, "dynamic", {
    clientId: client_id,
    clientSecret: method === "none" ? undefined : secret,
    authMethod: secret === undefined ? "none" : method,
    redirectUris: wanted.redirectUris,
    expiresAt: client_secret_expires_at ? new Date(client_secret_expires_at * 1000).toISOString() : undefined,
  });
}

/** A native application can keep no secret (RFC 8252 section 8.5), unless the server insists on giving one. */
function registeredMethod(applicationType: "native" | "web", supported: readonly string[] | undefined): AuthMethod {
  const order: readonly AuthMethod[] =
    applicationType === "native"
      ? ["none", "client_secret_basic", "client_secret_post"]
      : ["client_secret_basic", "client_secret_post", "none"];
  return supported === undefined ? "none" : (order.find((method) => supported.includes(method)) ?? "none");
}

/** @throws TypeError unless it is on loopback or https (MCP authorization, "Communication security"), without a fragment, user or password. */
export function checkRedirectUri(uri: string): void {
  const url = URL.canParse(uri) ? new URL(uri) : undefined;
  const safe = url?.protocol === "https:" || (url?.protocol === "http:" && isLoopback(url));
  if (!safe || url?.hash !== "" || url.username !== "" || url.password !== "")
    throw new TypeError("a redirect URI must be https, or http on loopback, and have no fragment and no password");
}
