import { createHash } from "node:crypto";
import * as assert from "uvu/assert";
import { rejects, suite } from "../support/suite.js";
import {
  confidentialClient,
  type Demand,
  obtainToken,
  openWorld,
  publicClient,
  refreshTokens,
  type Tokens,
  type World,
} from "../support/world.js";

const test = suite("The world around the tests");

function demand(world: World, scope?: string): Demand {
  return {
    serverUrl: world.mcp.endpoint,
    resourceMetadata: JSON.stringify({
      resource: world.mcp.endpoint,
      authorization_servers: [world.authorization.issuer],
    }),
    staticClientConfig: { clientId: publicClient.id },
    wwwAuthenticateParams: { scope },
  };
}

async function token(world: World, form: Record<string, string>, authorization?: string): Promise<Response> {
  const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
  const body = new URLSearchParams(form);
  return fetch(`${world.authorization.issuer}/token`, { method: "POST", headers, body });
}

async function call(world: World, tokens: Tokens | undefined, tool: string): Promise<Response> {
  const headers: Record<string, string> =
    tokens === undefined ? {} : { authorization: `Bearer ${tokens.access_token}` };
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: tool } });
  return fetch(world.mcp.endpoint, { method: "POST", headers, body });
}

test("a code flow gives a token that is good for the resource and the scope it was asked for", async () => {
  await using world = await openWorld();
  const tokens = await obtainToken(demand(world, "mcp.read"));
  const grant = world.authorization.introspect(tokens.access_token);
  assert.is(grant?.resource, world.mcp.endpoint);
  assert.equal(grant?.scope, ["mcp.read"]);
  assert.is((await call(world, tokens, "whoami")).status, 200);
  assert.is((await call(world, undefined, "whoami")).status, 401);
  const narrow = await call(world, tokens, "write");
  assert.is(narrow.status, 403);
  assert.match(narrow.headers.get("www-authenticate") ?? "", 'error="insufficient_scope"');
  assert.is((await call(world, await obtainToken(demand(world, "mcp.read mcp.write")), "write")).status, 200);
  world.authorization.revoke(tokens.access_token);
  assert.match((await call(world, tokens, "whoami")).headers.get("www-authenticate") ?? "", 'error="invalid_token"');
});

test("a code works once and only with its verifier", async () => {
  await using world = await openWorld();
  const redirect = "http://127.0.0.1/callback";
  const authorize = async (): Promise<string> => {
    const url = new URL(`${world.authorization.issuer}/authorize`);
    url.search = new URLSearchParams({
      response_type: "code",
      client_id: publicClient.id,
      redirect_uri: redirect,
      code_challenge: createHash("sha256").update("right").digest("base64url"),
      code_challenge_method: "S256",
    }).toString();
    const { headers } = await fetch(url, { redirect: "manual" });
    return new URL(headers.get("location") ?? "").searchParams.get("code") ?? "";
  };
  const exchange = async (code: string, verifier: string): Promise<number> =>
    (
      await token(world, {
        grant_type: "authorization_code",
        client_id: publicClient.id,
        redirect_uri: redirect,
        code,
        code_verifier: verifier,
      })
    ).status;
  assert.is(await exchange(await authorize(), "wrong"), 400);
  const code = await authorize();
  assert.is(await exchange(code, "right"), 200);
  assert.is(await exchange(code, "right"), 400);
});

test("a refresh token used twice ends its family", async () => {
  await using world = await openWorld();
  const asked = demand(world, "mcp.read");
  const first = await obtainToken(asked);
  const second = await refreshTokens(asked, first.refresh_token ?? "");
  assert.is((await call(world, second, "whoami")).status, 200);
  await rejects(refreshTokens(asked, first.refresh_token ?? ""), { message: /invalid_grant/ });
  assert.is(world.authorization.issued.reused, 1);
  assert.is((await call(world, second, "whoami")).status, 401);
  await rejects(refreshTokens(asked, second.refresh_token ?? ""), { message: /invalid_grant/ });
});

test("client credentials need the secret", async () => {
  await using world = await openWorld();
  const form = { grant_type: "client_credentials", resource: world.mcp.endpoint, scope: "mcp.read" };
  const basic = (secret: string): string =>
    `Basic ${Buffer.from(`${confidentialClient.id}:${secret}`).toString("base64")}`;
  assert.is((await token(world, form, basic("wrong"))).status, 401);
  assert.is((await token(world, { ...form, client_id: publicClient.id })).status, 400);
  const given = await token(world, form, basic(confidentialClient.secret ?? ""));
  assert.is(given.status, 200);
  assert.is(world.authorization.issued.byClientCredentials, 1);
});
