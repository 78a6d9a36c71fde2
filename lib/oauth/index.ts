/**
 * From a challenge to a token, in plain functions over plain JSON: what stands between a claim and its answer. No callback, no state of
 * its own, no retry, nothing printed. What begins in one process is finished in any other.
 *
 * `JSON.stringify` gives an authority, a client, a flow or a grant whole, secrets and all, for that is what they are for: keep
 * them where the ledger's stash and grants keep them, under seal. `util.inspect` shows their secrets redacted.
 */
export { OAuthError, type OAuthErrorCode, type OAuthStep } from "../base/errors.js";
export { type DiscoverOptions, discover } from "./authority.js";
export type { BeginOptions } from "./begin.js";
export type { OAuthRequest } from "./challenge.js";
export { type ChooseClientOptions, chooseClient, type RegisteredClient, type Registration } from "./client.js";
export { type BeginCodeOptions, beginCode, finishCode } from "./code.js";
export { beginDevice, finishDevice } from "./device.js";
export {
  type AssertionOptions,
  assertion,
  type Exchanged,
  type ExchangeOptions,
  exchange,
  type IdentityProvider,
} from "./exchange.js";
export { clientCredentials, type RefreshOptions, refresh, revoke, toAnswer } from "./grant.js";
export { type ListenOptions, listenForRedirect, type RedirectListener } from "./redirect.js";
export {
  type GrantClaim,
  type HeldGrant,
  type NeedsPerson,
  type Renewal,
  type RenewOptions,
  renew,
} from "./renew.js";
export { type Before, chooseScope } from "./scope.js";
export {
  type AuthMethod,
  type Authority,
  type Client,
  type CodeFlow,
  type DeviceFlow,
  type Grant,
  type PrivateKey,
  parseAuthority,
  parseClient,
  parseFlow,
  parseGrant,
  type ServerMetadata,
} from "./shapes.js";
export type { OAuthOptions } from "./transport.js";
