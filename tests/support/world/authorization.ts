import type { IncomingMessage, ServerResponse } from "node:http";
import { type Client, type Grant, GrantError, Grants, type Issued, type Tokens } from "./grants.js";
import { bodyOf, json, type Listening, listen } from "./http.js";

export interface AuthorizationOptions {
  /** Who consents. Default "ada". */
  readonly subject?: string;
  /** Seconds that an access token lives. Default 3600. */
  readonly lifetime?: number;
  readonly clients?: readonly Client[];
}

/** An OAuth 2.1 authorization server: code with PKCE, rotating refresh tokens, client credentials. Consent is automatic. */
export interface AuthorizationServer extends Listening {
  readonly issuer: string;
  readonly issued: Readonly<Issued>;
  introspect(token: string): Grant | undefined;
  /** Ends an access token, or the whole family of a refresh token. */
  revoke(token: string): void;
  /** Ends every access token; refresh tokens stay good. */
  revokeAll(): void;
}

/** The clients that the server knows unless told otherwise: a public one and one with a secret. */
export const publicClient: Client = { id: "latchkey-public" };
export const confidentialClient: Client = { id: "latchkey-machine", secret: "machine-secret" };

export async function startAuthorization(options: AuthorizationOptions = {}): Promise<AuthorizationServer> {
  const clients = options.clients ?? [publicClient, confidentialClient];
  const grants = new Grants(options.subject ?? "ada", options.lifetime ?? 3600);

  const server = await listen(async (request, response, url) => {
    const route = `${request.method} ${url.pathname}`;
    if (route === "GET /.well-known/oauth-authorization-server") json(response, 200, metadata(server.url));
    else if (route === "GET /authorize") authorize(response, url);
    else if (route === "POST /token") await token(request, response);
    else if (route === "POST /revoke") await revoke(request, response);
    else json(response, 404, { error: "not_found" });
  });

  function authorize(response: ServerResponse, url: URL): void {
    const query = url.searchParams;
    const clientId = query.get("client_id") ?? "";
    const redirectUri = query.get("redirect_uri");
    if (redirectUri === null || !clients.some((client) => client.id === clientId)) {
      json(response, 400, { error: "invalid_request" });
      return;
    }
    const challenge = query.get("code_challenge");
    const back = new URL(redirectUri);
    if (query.get("response_type") !== "code" || challenge === null || query.get("code_challenge_method") !== "S256")
      back.searchParams.set("error", "invalid_request");
    else {
      const resource = query.get("resource") ?? undefined;
      const scope = words(query.get("scope"));
      back.searchParams.set("code", grants.code({ clientId, redirectUri, challenge, scope, resource }));
    }
    const state = query.get("state");
    if (state !== null) back.searchParams.set("state", state);
    back.searchParams.set("iss", server.url);
    response.writeHead(302, { location: back.href, "cache-control": "no-store" }).end();
  }

  async function token(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const form = new URLSearchParams(await bodyOf(request));
    try {
      json(response, 200, exchange(authenticate(request, form), form), { "cache-control": "no-store" });
    } catch (error) {
      if (!(error instanceof GrantError)) throw error;
      json(response, error.error === "invalid_client" ? 401 : 400, { error: error.error });
    }
  }

  function exchange(client: Client, form: URLSearchParams): Tokens {
    const field = (name: string): string => {
      const value = form.get(name);
      if (value === null) throw new GrantError("invalid_request");
      return value;
    };
    switch (form.get("grant_type")) {
      case "authorization_code":
        return grants.byCode({
          client,
          code: field("code"),
          redirectUri: field("redirect_uri"),
          verifier: field("code_verifier"),
        });
      case "refresh_token":
        return grants.byRefresh({
          client,
          token: field("refresh_token"),
          scope: form.has("scope") ? words(form.get("scope")) : undefined,
        });
      case "client_credentials":
        return grants.byClientCredentials({
          client,
          scope: words(form.get("scope")),
          resource: form.get("resource") ?? undefined,
        });
      default:
        throw new GrantError("unsupported_grant_type");
    }
  }

  async function revoke(request: IncomingMessage, response: ServerResponse): Promise<void> {
    grants.revoke(new URLSearchParams(await bodyOf(request)).get("token") ?? "");
    response.writeHead(200).end();
  }

  function authenticate(request: IncomingMessage, form: URLSearchParams): Client {
    const basic = /^Basic (.+)$/i.exec(request.headers.authorization ?? "")?.[1];
    const pair = basic === undefined ? undefined : Buffer.from(basic, "base64").toString("utf8").split(":");
    const id = pair ? decodeURIComponent(pair[0] ?? "") : form.get("client_id");
    const secret = pair ? decodeURIComponent(pair[1] ?? "") : (form.get("client_secret") ?? undefined);
    const client = clients.find((known) => known.id === id);
    if (client === undefined || client.secret !== secret) throw new GrantError("invalid_client");
    return client;
  }

  return {
    url: server.url,
    issuer: server.url,
    issued: grants.issued,
    introspect: (value) => grants.introspect(value),
    revoke: (value) => grants.revoke(value),
    revokeAll: () => grants.revokeAll(),
    close: server.close,
    [Symbol.asyncDispose]: server.close,
  };
}

function metadata(issuer: string): Record<string, unknown> {
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    revocation_endpoint: `${issuer}/revoke`,
    response_types_supported: ["code"],
    grant_types_supported: ["authorization_code", "refresh_token", "client_credentials"],
    code_challenge_methods_supported: ["S256"],
    token_endpoint_auth_methods_supported: ["none", "client_secret_basic", "client_secret_post"],
    authorization_response_iss_parameter_supported: true,
  };
}

function words(text: string | null): string[] {
  return text?.split(" ").filter(Boolean) ?? [];
}
