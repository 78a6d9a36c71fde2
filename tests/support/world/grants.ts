import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

/** What an access token stands for: the answer of an introspection. */
export interface Grant {
  readonly subject: string;
  readonly clientId: string;
  readonly scope: readonly string[];
  /** The resource it was asked for (RFC 8707), if one was named. */
  readonly resource?: string | undefined;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

export interface Client {
  readonly id: string;
  /** A client without a secret is a public one. */
  readonly secret?: string;
}

export interface AuthorizationRequest {
  readonly clientId: string;
  readonly redirectUri: string;
  readonly challenge: string;
  readonly scope: readonly string[];
  readonly resource?: string | undefined;
}

/** How often what was handed out, so that a test can say "one acquisition". */
export interface Issued {
  /** Authorization codes. */
  codes: number;
  /** Access tokens, by whichever grant. */
  tokens: number;
  byCode: number;
  byRefresh: number;
  byClientCredentials: number;
  /** Refresh tokens presented a second time; each ended its family. */
  reused: number;
}

export interface Tokens {
  readonly access_token: string;
  readonly token_type: "Bearer";
  readonly expires_in: number;
  readonly scope: string;
  readonly refresh_token?: string;
}

/** An error of the token endpoint, by its name in RFC 6749. */
export class GrantError extends Error {
  constructor(readonly error: string) {
    super(error);
  }
}

interface Family {
  ended: boolean;
  readonly access: Set<string>;
}
interface Refresh {
  readonly family: Family;
  readonly grant: Grant;
  used: boolean;
}

const opaque = (prefix: string): string => `${prefix}_${randomBytes(24).toString("base64url")}`;

function same(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/**
 * The books of the authorization server. Every code works once. Refresh tokens rotate: using one gives the next of its
 * family, and using one twice ends the family with all its access tokens.
 */
export class Grants {
  readonly issued: Issued = { codes: 0, tokens: 0, byCode: 0, byRefresh: 0, byClientCredentials: 0, reused: 0 };
  readonly #codes = new Map<string, AuthorizationRequest>();
  readonly #access = new Map<string, Grant>();
  readonly #refresh = new Map<string, Refresh>();

  constructor(
    private readonly subject: string,
    private readonly lifetime: number,
  ) {}

  code(request: AuthorizationRequest): string {
    const code = opaque("code");
    this.#codes.set(code, request);
    this.issued.codes++;
    return code;
  }

  byCode(given: { client: Client; code: string; redirectUri: string; verifier: string }): Tokens {
    const request = this.#codes.get(given.code);
    this.#codes.delete(given.code);
    const challenge = createHash("sha256").update(given.verifier).digest("base64url");
    if (
      request === undefined ||
      request.clientId !== given.client.id ||
      request.redirectUri !== given.redirectUri ||
      !same(request.challenge, challenge)
    )
      throw new GrantError("invalid_grant");
    this.issued.byCode++;
    const grant = this.#grant(this.subject, given.client, request.scope, request.resource);
    return this.#tokens(grant, { ended: false, access: new Set() });
  }

  byRefresh(given: { client: Client; token: string; scope?: readonly string[] | undefined }): Tokens {
    const refresh = this.#refresh.get(given.token);
    if (refresh === undefined || refresh.grant.clientId !== given.client.id) throw new GrantError("invalid_grant");
    if (refresh.used) {
      this.issued.reused++;
      refresh.family.ended = true;
      for (const token of refresh.family.access) this.#access.delete(token);
    }
    if (refresh.family.ended) throw new GrantError("invalid_grant");
    const scope = given.scope ?? refresh.grant.scope;
    if (scope.some((name) => !refresh.grant.scope.includes(name))) throw new GrantError("invalid_scope");
    refresh.used = true;
    this.issued.byRefresh++;
    return this.#tokens(
      this.#grant(refresh.grant.subject, given.client, scope, refresh.grant.resource),
      refresh.family,
    );
  }

  byClientCredentials(given: { client: Client; scope: readonly string[]; resource?: string | undefined }): Tokens {
    if (given.client.secret === undefined) throw new GrantError("unauthorized_client");
    this.issued.byClientCredentials++;
    return this.#tokens(this.#grant(given.client.id, given.client, given.scope, given.resource));
  }

  introspect(token: string): Grant | undefined {
    const grant = this.#access.get(token);
    return grant !== undefined && grant.expiresAt > Date.now() ? grant : undefined;
  }

  revoke(token: string): void {
    this.#access.delete(token);
    const refresh = this.#refresh.get(token);
    if (refresh !== undefined) refresh.family.ended = true;
  }

  revokeAll(): void {
    this.#access.clear();
  }

  #grant(subject: string, client: Client, scope: readonly string[], resource: string | undefined): Grant {
    return { subject, clientId: client.id, scope, resource, expiresAt: Date.now() + this.lifetime * 1000 };
  }

  #tokens(grant: Grant, family?: Family): Tokens {
    const access = opaque("access");
    this.#access.set(access, grant);
    this.issued.tokens++;
    const tokens: Tokens = {
      access_token: access,
      token_type: "Bearer",
      expires_in: this.lifetime,
      scope: grant.scope.join(" "),
    };
    if (family === undefined) return tokens;
    family.access.add(access);
    const refresh = opaque("refresh");
    this.#refresh.set(refresh, { family, grant, used: false });
    return { ...tokens, refresh_token: refresh };
  }
}
