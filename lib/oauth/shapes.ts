/**
 * What goes from one step, and one process, to the next: plain JSON with a version. Every function of this room takes these as it
 * gave them or as `JSON.parse` made them of their text, and checks them.
 */
import * as v from "valibot";
import { check } from "../base/check.js";
import { redacted } from "./redact.js";

const text = v.pipe(v.string(), v.nonEmpty());
const words = v.array(v.string());
/** ISO 8601 as `Date` reads it: an offset of hours alone (`+01`) is no moment to it, and so would never come. */
const instant = v.pipe(v.string(), v.isoTimestamp(), v.regex(/(?:Z|[+-]\d\d:?\d\d)$/));

/** What of an authorization server's metadata (RFC 8414) is needed to finish what was begun with it. */
const server = v.object({
  /** The issuer identifier. */
  issuer: text,
  /** Where a browser signs in. */
  authorization_endpoint: v.exactOptional(text),
  /** Where tokens come from. */
  token_endpoint: v.exactOptional(text),
  /** Where tokens are ended (RFC 7009). */
  revocation_endpoint: v.exactOptional(text),
  /** Where a sign-in on another device begins (RFC 8628). */
  device_authorization_endpoint: v.exactOptional(text),
  /** Where an authorization request is pushed to (RFC 9126). */
  pushed_authorization_request_endpoint: v.exactOptional(text),
  /** Whether it takes no other authorization request (RFC 9126). */
  require_pushed_authorization_requests: v.exactOptional(v.boolean()),
  /** How clients may authenticate. HTTP Basic where it does not say. */
  token_endpoint_auth_methods_supported: v.exactOptional(words),
  /** Whether every callback names the issuer (RFC 9207). */
  authorization_response_iss_parameter_supported: v.exactOptional(v.boolean()),
});

/** The same with what is needed to begin. */
const metadata = v.object({
  ...server.entries,
  /** Where clients are registered (RFC 7591). */
  registration_endpoint: v.exactOptional(text),
  /** The scopes that it lists. */
  scopes_supported: v.exactOptional(words),
  /** The grant types that it supports. */
  grant_types_supported: v.exactOptional(words),
  /** The PKCE methods that it supports (RFC 7636). */
  code_challenge_methods_supported: v.exactOptional(words),
  /** Whether a client may be named by the URL of its metadata document. */
  client_id_metadata_document_supported: v.exactOptional(v.boolean()),
});

const authority = v.object({
  /** The version of this form. */
  v: v.literal(1),
  /** What it is. */
  type: v.literal("authority"),
  /** The authorization server's issuer identifier. */
  issuer: text,
  /** The resource identifier, exactly as its metadata has it (RFC 8707, RFC 9728). */
  resource: text,
  /** The scopes of the resource, where its metadata lists them. */
  scopesSupported: v.exactOptional(words),
  /** What the authorization server publishes of itself. */
  metadata,
});

const privateKey = v.object({
  /** PKCS#8, PKCS#1 or SEC1, not encrypted. */
  pem: text,
  /** The JWS algorithm, such as `ES256`. Left out, it follows from the key. */
  alg: v.exactOptional(text),
  /** The key's id, for the header of what it signs. */
  kid: v.exactOptional(text),
});

export const authMethods = ["none", "client_secret_basic", "client_secret_post", "private_key_jwt"] as const;

const client = v.object({
  /** The version of this form. */
  v: v.literal(1),
  /** What it is. */
  type: v.literal("client"),
  /** The authorization server that knows this client; it is never shown to another. */
  issuer: text,
  /** Its id there. */
  clientId: text,
  /** Its secret, where it has one. */
  clientSecret: v.exactOptional(text),
  /** Its key, where it authenticates with one. */
  privateKey: v.exactOptional(privateKey),
  /** How it authenticates at the token endpoint. */
  authMethod: v.picklist(authMethods),
  /** Where it comes from. */
  source: v.picklist(["registered", "metadata-document", "dynamic"]),
  /** Where browsers may come back to, as it was registered dynamically. */
  redirectUris: v.exactOptional(words),
  /** When the secret of a dynamic registration ends. */
  expiresAt: v.exactOptional(instant),
});

const begun = {
  /** The version of this form. */
  v: v.literal(1),
  /** The authorization server's issuer identifier. */
  issuer: text,
  /** What the token is for (RFC 8707). */
  resource: text,
  /** Who asks. */
  client,
  /** What is needed of the authorization server's metadata. */
  server,
  /** The scopes that were asked for. */
  scope: words,
  /** Step-ups before this one that brought nothing new, and the scopes that there were. */
  before: v.exactOptional(v.object({ scope: words, stepUps: v.number() })),
};

const codeFlow = v.object({
  ...begun,
  /** What it is. */
  type: v.literal("code-flow"),
  /** To be opened in the person's browser. A capability: whoever opens it signs in for this request. */
  url: text,
  /** What the callback has to bring back (RFC 6749 section 10.12). */
  state: text,
  /** The PKCE verifier (RFC 7636). A secret. */
  verifier: text,
  /** Where the browser comes back to. */
  redirectUri: text,
});

const deviceFlow = v.object({
  ...begun,
  /** What it is. */
  type: v.literal("device-flow"),
  /** What the person types at `verificationUri`. */
  userCode: text,
  /** The page to open on the other device. */
  verificationUri: text,
  /** The same with the code in it, for a link or a QR code. */
  verificationUriComplete: v.exactOptional(text),
  /** What the token is asked for with. A secret. */
  deviceCode: text,
  /** Seconds between two polls. */
  interval: v.pipe(v.number(), v.minValue(0)),
  /** When the codes end, in ISO 8601. */
  expiresAt: instant,
});

const grant = v.object({
  /** The version of this form. */
  v: v.literal(1),
  /** What it is. */
  type: v.literal("grant"),
  /** The access token. A secret. */
  accessToken: text,
  /** How it is presented (RFC 6750). */
  tokenType: v.literal("Bearer"),
  /** When the access token ends, where the server said so. */
  expiresAt: v.exactOptional(instant),
  /** The refresh token, where one was given. A secret, and often good for one use. */
  refreshToken: v.exactOptional(text),
  /** What was granted. */
  scope: words,
  /** What was asked for; a step-up asks for the union with it. */
  requested: words,
  /** Step-ups in a row that brought no scope that was not there before. */
  stepUps: v.number(),
  /** The authorization server that gave it. */
  issuer: text,
  /** What it is for (RFC 8707). */
  resource: text,
  /** The client that it was given to. */
  clientId: text,
  /** Whose it is, from an ID token, for people to see. */
  account: v.exactOptional(text),
  /** When it was given, in ISO 8601, by this machine's clock. */
  obtainedAt: instant,
  /** That client, to refresh with. */
  client,
  /** What is needed of the authorization server's metadata to refresh. */
  server,
});

/**
 * An MCP server's resource and the authorization server that protects it.
 * @useDeclaredType
 */
export type Authority = v.InferOutput<typeof authority>;
/**
 * A client as one authorization server knows it.
 * @useDeclaredType
 */
export type Client = v.InferOutput<typeof client>;
/**
 * A sign-in in a browser that has begun.
 * @useDeclaredType
 */
export type CodeFlow = v.InferOutput<typeof codeFlow>;
/**
 * A sign-in on another device that has begun.
 * @useDeclaredType
 */
export type DeviceFlow = v.InferOutput<typeof deviceFlow>;
/**
 * What an authorization server gave for one resource and client. Never sent to the runtime whole.
 * @useDeclaredType
 */
export type Grant = v.InferOutput<typeof grant>;
/** How a client authenticates at the token endpoint (RFC 7591 section 2, `token_endpoint_auth_method`). */
export type AuthMethod = Client["authMethod"];
/**
 * A key to sign with, as text.
 * @useDeclaredType
 */
export type PrivateKey = v.InferOutput<typeof privateKey>;
/**
 * What of an authorization server's metadata (RFC 8414 section 2) is read here; the names are the document's.
 * @useDeclaredType
 */
export type ServerMetadata = v.InferOutput<typeof metadata>;
export type Server = v.InferOutput<typeof server>;
/** What has begun, whichever way. */
export type Begun = Pick<CodeFlow, keyof typeof begun>;

const from = <S extends v.GenericSchema<unknown, object>>(schema: S, subject: string) => {
  return (json: unknown): v.InferOutput<S> => {
    const value = typeof json === "string" ? parsed(json) : json;
    return redacted(check(schema, value, subject));
  };
};

/** @throws ValidationError when `json` (text or what `JSON.parse` made of it) is no authority of this version. */
export const parseAuthority: (json: unknown) => Authority = from(authority, "authority");
/** @throws ValidationError when `json` (text or what `JSON.parse` made of it) is no client of this version. */
export const parseClient: (json: unknown) => Client = from(client, "client");
/** @throws ValidationError when `json` (text or what `JSON.parse` made of it) is no flow of this version. */
export const parseFlow: (json: unknown) => CodeFlow | DeviceFlow = from(
  v.variant("type", [codeFlow, deviceFlow]),
  "flow",
);
/** @throws ValidationError when `json` (text or what `JSON.parse` made of it) is no grant of this version. */
export const parseGrant: (json: unknown) => Grant = from(grant, "grant");

export const parseCodeFlow: (json: unknown) => CodeFlow = from(codeFlow, "code flow");
export const parseDeviceFlow: (json: unknown) => DeviceFlow = from(deviceFlow, "device flow");
export const parseMetadata = (json: unknown): ServerMetadata => check(metadata, json, "authorization server metadata");
export const serverOf = (whole: ServerMetadata): Server => check(server, whole, "authorization server metadata");

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
