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
  issuer: text,
  authorization_endpoint: v.exactOptional(text),
  token_endpoint: v.exactOptional(text),
  revocation_endpoint: v.exactOptional(text),
  device_authorization_endpoint: v.exactOptional(text),
  pushed_authorization_request_endpoint: v.exactOptional(text),
  require_pushed_authorization_requests: v.exactOptional(v.boolean()),
  token_endpoint_auth_methods_supported: v.exactOptional(words),
  authorization_response_iss_parameter_supported: v.exactOptional(v.boolean()),
});

/** The same with what is needed to begin. */
const metadata = v.object({
  ...server.entries,
  registration_endpoint: v.exactOptional(text),
  scopes_supported: v.exactOptional(words),
  grant_types_supported: v.exactOptional(words),
  code_challenge_methods_supported: v.exactOptional(words),
  client_id_metadata_document_supported: v.exactOptional(v.boolean()),
});

const authority = v.object({
  v: v.literal(1),
  type: v.literal("authority"),
  issuer: text,
  /** The resource identifier, exactly as its metadata has it (RFC 8707, RFC 9728). */
  resource: text,
  /** The scopes of the resource, where its metadata lists them. */
  scopesSupported: v.exactOptional(words),
  metadata,
});

const privateKey = v.object({
  /** PKCS#8, PKCS#1 or SEC1, not encrypted. */
  pem: text,
  /** The JWS algorithm, such as `ES256`. Left out, it follows from the key. */
  alg: v.exactOptional(text),
  kid: v.exactOptional(text),
});

export const authMethods = ["none", "client_secret_basic", "client_secret_post", "private_key_jwt"] as const;

const client = v.object({
  v: v.literal(1),
  type: v.literal("client"),
  /** The authorization server that knows this client; it is never shown to another. */
  issuer: text,
  clientId: text,
  clientSecret: v.exactOptional(text),
  privateKey: v.exactOptional(privateKey),
  /** How it authenticates at the token endpoint. */
  authMethod: v.picklist(authMethods),
  /** Where it comes from. */
  source: v.picklist(["registered", "metadata-document", "dynamic"]),
  /** When the secret of a dynamic registration ends. */
  expiresAt: v.exactOptional(instant),
});

const begun = {
  v: v.literal(1),
  issuer: text,
  resource: text,
  client,
  server,
  /** The scopes that were asked for. */
  scope: words,
  /** Step-ups before this one that brought nothing new, and the scopes that there were. */
  before: v.exactOptional(v.object({ scope: words, stepUps: v.number() })),
};

const codeFlow = v.object({
  ...begun,
  type: v.literal("code-flow"),
  /** To be opened in the person's browser. A capability: whoever opens it signs in for this request. */
  url: text,
  state: text,
  verifier: text,
  redirectUri: text,
});

const deviceFlow = v.object({
  ...begun,
  type: v.literal("device-flow"),
  /** What the person types at `verificationUri`. */
  userCode: text,
  verificationUri: text,
  /** The same with the code in it, for a link or a QR code. */
  verificationUriComplete: v.exactOptional(text),
  deviceCode: text,
  /** Seconds between two polls. */
  interval: v.pipe(v.number(), v.minValue(0)),
  expiresAt: instant,
});

const grant = v.object({
  v: v.literal(1),
  type: v.literal("grant"),
  accessToken: text,
  tokenType: v.literal("Bearer"),
  /** When the access token ends, where the server said so. */
  expiresAt: v.exactOptional(instant),
  refreshToken: v.exactOptional(text),
  /** What was granted. */
  scope: words,
  /** What was asked for; a step-up asks for the union with it. */
  requested: words,
  /** Step-ups in a row that brought no scope that was not there before. */
  stepUps: v.number(),
  issuer: text,
  resource: text,
  clientId: text,
  /** Whose it is, from an ID token, for people to see. */
  account: v.exactOptional(text),
  obtainedAt: instant,
  client,
  server,
});

/** An MCP server's resource and the authorization server that protects it. */
export type Authority = v.InferOutput<typeof authority>;
/** A client as one authorization server knows it. */
export type Client = v.InferOutput<typeof client>;
/** A sign-in in a browser that has begun. */
export type CodeFlow = v.InferOutput<typeof codeFlow>;
/** A sign-in on another device that has begun. */
export type DeviceFlow = v.InferOutput<typeof deviceFlow>;
/** What an authorization server gave for one resource and client. Never sent to the runtime whole. */
export type Grant = v.InferOutput<typeof grant>;
export type AuthMethod = Client["authMethod"];
export type PrivateKey = v.InferOutput<typeof privateKey>;
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
