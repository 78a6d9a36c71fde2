import { OAuthError } from "../base/errors.js";
import type { Before } from "./scope.js";
import {
  type Authority,
  type Begun,
  type Client,
  parseAuthority,
  parseClient,
  type ServerMetadata,
  serverOf,
} from "./shapes.js";

/** What every way to a token may be told. */
export interface BeginOptions {
  /** What `chooseScope` gave. */
  scope?: readonly string[] | undefined;
  /** On a step-up, the grant that there was: then a step-up that brings nothing new is counted. */
  before?: Before | undefined;
}

/**
 * What every way to a token begins with: a client and the authorization server that knows it.
 * @throws OAuthError `ISSUER_CHANGED` when the client belongs to another one.
 */
export function begin(
  givenAuthority: Authority,
  givenClient: Client,
  { scope = [], before }: BeginOptions,
): { begun: Begun; metadata: ServerMetadata } {
  const { issuer, resource, metadata } = parseAuthority(givenAuthority);
  const client = parseClient(givenClient);
  if (client.issuer !== issuer || metadata.issuer !== issuer)
    throw new OAuthError(
      "ISSUER_CHANGED",
      "client",
      `the client "${client.clientId}" belongs to another authorization server`,
    );
  const counted = before && { scope: [...before.scope], stepUps: before.stepUps ?? 0 };
  return {
    metadata,
    begun: {
      ...{ v: 1, issuer, resource, client, server: serverOf(metadata), scope: [...scope] },
      ...(counted === undefined ? {} : { before: counted }),
    },
  };
}
