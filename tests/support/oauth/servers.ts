import { randomUUID } from "node:crypto";
import {
  type Authority,
  type Client,
  chooseClient,
  discover,
  OAuthError,
  type OAuthErrorCode,
  type OAuthOptions,
  type OAuthRequest,
} from "latchkey/oauth";
import { pendingRequest } from "latchkey/pending";
import * as assert from "uvu/assert";
import { rejects } from "../suite.js";
import { bodyOf, type Listening, listen } from "../world/http.js";

/** What a host answers at one place: JSON, or an answer made by hand. */
export type Place = Reply | object | string | ((asked: Asked) => Reply | object | string);
export class Reply {
  constructor(
    readonly status: number,
    readonly body: unknown = {},
    readonly headers: Record<string, string> = {},
  ) {}
}

export interface Asked {
  readonly method: string;
  /** With the name that was asked for, not the loopback address behind it. */
  readonly url: URL;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
  readonly form: URLSearchParams;
}

/**
 * Any number of https hosts behind one loopback server: what is asked of `https://name/path` is answered by `places["name/path"]`. The
 * requests are real ones; only the name and TLS are put in by `fetch`.
 */
export class TestRuntime implements AsyncDisposable {
  readonly asked: Asked[] = [];
  places: Record<string, Place>;
  #server: Listening;

  private constructor(server: Listening, places: Record<string, Place>) {
    this.#server = server;
    this.places = places;
  }

  static async open(places: Record<string, Place> = {}): Promise<TestRuntime> {
    let testRuntime: TestRuntime;
    const server = await listen(async (request, response) => {
      const url = new URL(`https://${request.headers["x-host"]}${request.url}`);
      const body = await bodyOf(request);
      const one = {
        method: request.method ?? "",
        url,
        headers: flat(request.headers),
        body,
        form: new URLSearchParams(body),
      };
      testRuntime.asked.push(one);
      const place = testRuntime.places[url.host + url.pathname] ?? new Reply(404);
      const said = typeof place === "function" ? place(one) : place;
      const reply = said instanceof Reply ? said : new Reply(200, said);
      response.writeHead(reply.status, { "content-type": "application/json", ...reply.headers });
      response.end(typeof reply.body === "string" ? reply.body : JSON.stringify(reply.body));
    });
    testRuntime = new TestRuntime(server, places);
    return testRuntime;
  }

  /** For the option `fetch`. */
  readonly fetch: typeof fetch = (input, init) => {
    const url = new URL(String(input));
    const headers = { ...Object.fromEntries(new Headers(init?.headers)), "x-host": url.host };
    return fetch(`${this.#server.url}${url.pathname}${url.search}`, { ...init, headers });
  };

  /** The paths that were asked, in order, and forgets them. */
  paths(): string[] {
    return this.asked.splice(0).map(({ url }) => url.host + url.pathname + url.search);
  }

  /** The one POST so far to a path. */
  post(path: string): Asked {
    const found = this.asked.filter(({ method, url }) => method === "POST" && url.pathname === path);
    if (found[0] === undefined || found.length > 1) throw new Error(`${found.length} times POST ${path}`);
    return found[0];
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#server.close();
  }
}

const flat = (headers: NodeJS.Dict<string | string[]>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));

export const issuer = "https://auth.example";
export const serverUrl = "https://mcp.example/mcp";

/** Metadata of an authorization server that has everything, at any issuer. */
export const metadata = (changes: object = {}, at = issuer): object => ({
  issuer: at,
  authorization_endpoint: `${at}/authorize`,
  token_endpoint: `${at}/token`,
  registration_endpoint: `${at}/register`,
  revocation_endpoint: `${at}/revoke`,
  device_authorization_endpoint: `${at}/device`,
  code_challenge_methods_supported: ["S256"],
  ...changes,
});

export const protectedResource = (changes: object = {}): object => ({
  resource: serverUrl,
  authorization_servers: [issuer],
  ...changes,
});

/** An MCP server and its authorization server; `changes` are laid over the latter's metadata. */
export const places = (changes: object = {}, resource: object = {}): Record<string, Place> => ({
  "mcp.example/.well-known/oauth-protected-resource/mcp": protectedResource(resource),
  "auth.example/.well-known/oauth-authorization-server": metadata(changes),
  "auth.example/token": { access_token: "at-1", token_type: "bearer", expires_in: 3600, refresh_token: "rt-1" },
});

export interface Demand {
  serverUrl?: string;
  reason?: string;
  staticClientConfig?: object;
  wwwAuthenticateParams?: object;
  resourceMetadata?: string;
  challenge?: string;
}

/** A request for a token as the runtime makes it. */
export function demand({ challenge, ...data }: Demand = {}, sessionId = "s-1"): OAuthRequest {
  const event = {
    type: "mcp.oauth_required",
    data: {
      ...{ requestId: randomUUID(), serverName: "files", serverUrl, reason: "initial", ...data },
      ...(challenge !== undefined && {
        httpResponse: { statusCode: 401, headers: [{ name: "WWW-Authenticate", value: challenge }] },
      }),
    },
  } as const;
  return pendingRequest(event, { sessionId, principal: "ada" });
}

/** What every sign-in begins with, against a testRuntime. */
export async function known(
  testRuntime: TestRuntime,
  request: OAuthRequest = demand({ staticClientConfig: { clientId: "c-1" } }),
  options: OAuthOptions = {},
): Promise<{ authority: Authority; client: Client }> {
  const authority = await discover(request, { fetch: testRuntime.fetch, ...options });
  const client = await chooseClient(request, authority, { fetch: testRuntime.fetch });
  return { authority, client };
}

/** The OAuthError of this code that a promise rejects with. */
export async function refused(promise: Promise<unknown>, code: OAuthErrorCode): Promise<OAuthError> {
  const error = await rejects(promise);
  if (!(error instanceof OAuthError)) throw error;
  assert.is(error.code, code, error.message);
  return error;
}
