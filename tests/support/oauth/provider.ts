/// <reference path="./oidc-provider.d.ts" />
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import Provider from "oidc-provider";

export { Browser } from "./browser.js";

export interface ProviderOptions {
  readonly clients?: readonly object[];
  /** Scopes of the MCP server. Default `read` and `write`. */
  readonly scopes?: readonly string[];
  /** What is laid over the configuration. */
  readonly configuration?: object;
  readonly features?: object;
  /** Documents that the server finds at https URLs, such as a client's metadata. */
  readonly documents?: Readonly<Record<string, object>>;
}

/** A certified authorization server and an MCP server's resource metadata beside it, on one origin. Ada consents to everything. */
export interface RunningProvider extends AsyncDisposable {
  readonly issuer: string;
  readonly serverUrl: string;
  /** The paths of what was asked, with the grant type of token requests. */
  readonly asked: string[];
  /** How often reuse of a refresh token has ended a whole family. */
  readonly revoked: { count: number };
}

export async function startProvider(options: ProviderOptions = {}): Promise<RunningProvider> {
  const asked: string[] = [];
  const revoked = { count: 0 };
  let handle: (request: IncomingMessage, response: ServerResponse) => void = (_request, response) =>
    void response.end();
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${(request.url ?? "").split("?")[0]}`);
    handle(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no TCP address");
  const issuer = `http://127.0.0.1:${address.port}`;
  const serverUrl = `${issuer}/mcp`;
  const provider = new Provider(issuer, configuration(serverUrl, options));
  provider.on("grant.revoked", () => {
    revoked.count += 1;
  });
  const callback = provider.callback();
  handle = (request, response) => {
    const path = request.url ?? "";
    if (path.startsWith("/.well-known/oauth-protected-resource")) {
      const metadata = { resource: serverUrl, authorization_servers: [issuer], scopes_supported: ["read"] };
      response.end(JSON.stringify(metadata));
    } else if (path.startsWith("/interaction/")) void consent(provider, request, response);
    else callback(request, response);
  };
  return {
    ...{ issuer, serverUrl, asked, revoked },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function configuration(
  resource: string,
  { clients = [], scopes = ["read", "write"], configuration, features, documents = {} }: ProviderOptions,
): object {
  return {
    clients,
    scopes: ["openid", "offline_access", ...scopes],
    claims: { openid: ["sub", "email"] },
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    rotateRefreshToken: true,
    issueRefreshToken: () => true,
    findAccount: (_context: unknown, accountId: string) => ({
      accountId,
      claims: () => ({ sub: accountId, email: `${accountId}@example.org` }),
    }),
    fetch: (url: string | URL) => {
      const found = documents[String(url)];
      return Promise.resolve(
        new Response(JSON.stringify(found ?? {}), {
          status: found === undefined ? 404 : 200,
          headers: { "content-type": "application/json" },
        }),
      );
    },
    ttl: {
      AccessToken: 600,
      RefreshToken: 3600,
      Session: 600,
      Grant: 3600,
      Interaction: 60,
      IdToken: 600,
      DeviceCode: 60,
    },
    features: {
      devInteractions: { enabled: false },
      registration: { enabled: true },
      revocation: { enabled: true },
      clientCredentials: { enabled: true },
      deviceFlow: { enabled: true },
      clientIdMetadataDocument: { enabled: true, ack: "draft-02" },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => true,
        getResourceServerInfo: (_context: unknown, indicator: string) => {
          if (indicator !== resource) throw new Error("another resource");
          return { scope: scopes.join(" "), audience: indicator, accessTokenFormat: "opaque" };
        },
      },
      ...features,
    },
    ...configuration,
  };
}

async function consent(provider: Provider, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { prompt, params, session, grantId } = await provider.interactionDetails(request, response);
  const finish = (result: object) =>
    provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true });
  if (prompt.name === "login") {
    await finish({ login: { accountId: "ada" } });
    return;
  }
  const about = { clientId: params.client_id, ...(session && { accountId: session.accountId }) };
  const grant = grantId === undefined ? new provider.Grant(about) : await provider.Grant.find(grantId);
  const { missingOIDCScope, missingResourceScopes = {} } = prompt.details;
  if (missingOIDCScope) grant.addOIDCScope(missingOIDCScope.join(" "));
  for (const [resource, scopes] of Object.entries(missingResourceScopes))
    grant.addResourceScope(resource, scopes.join(" "));
  await finish({ consent: { grantId: await grant.save() } });
}
