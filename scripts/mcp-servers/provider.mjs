// The part of an authorization server that both routers leave to who uses them: clients, codes and tokens, in memory. Ada consents to everything.
// A refresh token is good once; a second use ends what came of the sign-in.
import { createHash, randomBytes } from "node:crypto";

const secret = () => randomBytes(24).toString("base64url");

/** `errors` are the router's own. */
export class Provider {
  clients = new Map();
  codes = new Map();
  access = new Map();
  refresh = new Map();
  counts = { signIns: 0, refreshes: 0, families: 0, revoked: 0 };
  clientsStore = {
    getClient: (id) => this.clients.get(id),
    registerClient: (client) => {
      const registered = { ...client, client_id: secret(), client_id_issued_at: Math.floor(Date.now() / 1000) };
      this.clients.set(registered.client_id, registered);
      return registered;
    },
  };

  constructor(errors, resource) {
    this.errors = errors;
    this.resource = resource;
  }

  async authorize(client, params, response) {
    const code = secret();
    this.codes.set(code, { ...params, clientId: client.client_id });
    const to = new URL(params.redirectUri);
    to.searchParams.set("code", code);
    if (params.state !== undefined) to.searchParams.set("state", params.state);
    response.redirect(to.href);
  }

  async challengeForAuthorizationCode(_client, code) {
    return this.codes.get(code)?.codeChallenge ?? "";
  }

  async exchangeAuthorizationCode(client, code, _verifier, redirectUri, resource) {
    const found = this.codes.get(code);
    this.codes.delete(code);
    const fits = found?.clientId === client.client_id && found.redirectUri === redirectUri;
    if (!fits || resource?.href !== this.resource) throw new this.errors.InvalidGrantError("another code");
    this.counts.signIns += 1;
    return this.#issue(client.client_id, found.scopes ?? [], { ended: false });
  }

  async exchangeRefreshToken(client, token, _scopes, resource) {
    const found = this.refresh.get(digest(token));
    if (found?.clientId !== client.client_id || found.family.ended || resource?.href !== this.resource)
      throw new this.errors.InvalidGrantError("another refresh token");
    if (found.used) {
      found.family.ended = true;
      this.counts.families += 1;
      throw new this.errors.InvalidGrantError("a refresh token that was used before");
    }
    found.used = true;
    this.counts.refreshes += 1;
    return this.#issue(client.client_id, found.scopes, found.family);
  }

  async verifyAccessToken(token) {
    const found = this.access.get(token);
    if (found === undefined || found.family.ended) throw new this.errors.InvalidTokenError("another token");
    return {
      token,
      clientId: found.clientId,
      scopes: found.scopes,
      expiresAt: found.expiresAt,
      resource: new URL(this.resource),
    };
  }

  async revokeToken(_client, { token }) {
    const found = this.refresh.get(digest(token)) ?? this.access.get(token);
    if (found === undefined) return;
    found.family.ended = true;
    this.counts.revoked += 1;
  }

  /** Every access token is over; the refresh tokens are not. */
  expire() {
    this.access.clear();
  }

  #issue(clientId, scopes, family) {
    const [accessToken, refreshToken] = [secret(), secret()];
    this.access.set(accessToken, { clientId, scopes, family, expiresAt: Math.floor(Date.now() / 1000) + 3600 });
    this.refresh.set(digest(refreshToken), { clientId, scopes, family, used: false });
    return {
      access_token: accessToken,
      token_type: "bearer",
      expires_in: 3600,
      refresh_token: refreshToken,
      scope: scopes.join(" "),
    };
  }
}

const digest = (token) => createHash("sha256").update(token).digest("base64url");
