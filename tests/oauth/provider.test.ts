/** Against oidc-provider: rotation with reuse detection, resource indicators, registration, metadata documents, pushed requests, devices. */

import { generateKeyPairSync } from "node:crypto";
import {
  type Authority,
  beginCode,
  beginDevice,
  type ChooseClientOptions,
  chooseClient,
  chooseScope,
  clientCredentials,
  discover,
  finishCode,
  finishDevice,
  type Grant,
  listenForRedirect,
  refresh,
  revoke,
} from "latchkey/oauth";
import * as assert from "uvu/assert";
import { Browser } from "../support/oauth/browser.js";
import { type RunningProvider, startProvider } from "../support/oauth/provider.js";
import { demand, refused } from "../support/oauth/servers.js";
import { suite } from "../support/suite.js";

const test = suite("oidc-provider");
const key = generateKeyPairSync("ec", { namedCurve: "P-256" });
const pem = key.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
const jwk = { ...key.publicKey.export({ format: "jwk" }), use: "sig", alg: "ES256" };
const metadataUrl = "https://app.example/client.json";
const redirectUri = "http://127.0.0.1/callback";
const device = "urn:ietf:params:oauth:grant-type:device_code";
let provider: RunningProvider;

test.before(async () => {
  provider = await startProvider({
    clients: [
      ...[
        {
          client_id: "secret",
          client_secret: "s-1",
          grant_types: ["client_credentials"],
          redirect_uris: [],
          response_types: [],
        },
        {
          ...{ client_id: "signed", grant_types: ["client_credentials"], redirect_uris: [], response_types: [] },
          ...{
            token_endpoint_auth_method: "private_key_jwt",
            token_endpoint_auth_signing_alg: "ES256",
            jwks: { keys: [jwk] },
          },
        },
        {
          ...{ client_id: "tv", token_endpoint_auth_method: "none", redirect_uris: [], response_types: [] },
          ...{ grant_types: [device, "refresh_token"], application_type: "native" },
        },
      ],
    ],
    documents: {
      [metadataUrl]: {
        ...{ client_id: metadataUrl, client_name: "Test", redirect_uris: [redirectUri], application_type: "native" },
        ...{
          grant_types: ["authorization_code", "refresh_token"],
          response_types: ["code"],
          token_endpoint_auth_method: "none",
        },
      },
    },
  });
});
test.after(async () => {
  await provider[Symbol.asyncDispose]();
});

const ask = (scope?: string, reason = "initial") =>
  demand({
    serverUrl: provider.serverUrl,
    reason,
    ...(scope === undefined ? {} : { wwwAuthenticateParams: { scope } }),
  });

async function signIn(options: ChooseClientOptions, scope?: string, before?: Grant) {
  const request = ask(scope, before === undefined ? "initial" : "upscope");
  const authority = await discover(request);
  const client = await chooseClient(request, authority, options);
  const flow = await beginCode(authority, client, {
    redirectUri,
    scope: chooseScope(request, authority, before),
    before,
  });
  // As another process finds it.
  const stored: typeof flow = JSON.parse(JSON.stringify(flow));
  return { client, grant: await finishCode(stored, await new Browser().signIn(flow.url)) };
}
const registration = { register: { redirectUris: [redirectUri], name: "Test" } };

test("sign-in with a client that is registered anew: resource, scopes, rotation", async () => {
  const { grant, client } = await signIn(registration);
  assert.equal([client.source, client.authMethod, grant.resource], ["dynamic", "none", provider.serverUrl]);
  assert.equal(
    grant.scope.filter((word) => word !== "offline_access"),
    ["read"],
  );
  const next = await refresh(JSON.parse(JSON.stringify(grant)));
  assert.ok(next.refreshToken !== grant.refreshToken && next.accessToken !== grant.accessToken);
  assert.equal([next.resource, next.requested, next.issuer], [grant.resource, grant.requested, grant.issuer]);
  // A second use of the old one is taken for theft, and ends the family.
  const { count } = provider.revoked;
  assert.is((await refused(refresh(grant), "REFUSED")).error, "invalid_grant");
  assert.is(provider.revoked.count, count + 1);
  assert.is((await refused(refresh(next), "REFUSED")).error, "invalid_grant");
});

test("sign-in with a client ID metadata document", async () => {
  const { grant, client } = await signIn({ metadataUrl, ...registration });
  assert.equal([client.source, grant.clientId], ["metadata-document", metadataUrl]);
});

test("a step-up keeps what there was", async () => {
  const { grant, client } = await signIn(registration, "read");
  const { grant: wider } = await signIn({ registered: client }, "write", grant);
  assert.equal(wider.scope.filter((word) => word !== "offline_access").sort(), ["read", "write"]);
});

test("the account is in the ID token where openid was asked for", async () => {
  const { grant } = await signIn(registration, "openid read");
  assert.match(grant.account ?? "", /^ada/);
});

test("pushed requests where the server wants them", async () => {
  await using strict = await startProvider({
    features: { pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: true } },
  });
  const request = demand({ serverUrl: strict.serverUrl });
  const authority = await discover(request);
  const client = await chooseClient(request, authority, registration);
  const flow = await beginCode(authority, client, { redirectUri, scope: ["read"] });
  assert.not.match(flow.url, /state|code_challenge/);
  const grant = await finishCode(flow, await new Browser().signIn(flow.url));
  assert.equal(grant.scope, ["read"]);
});

test("another device: the flow goes on in a process that did not begin it", async () => {
  const request = ask();
  const authority = await discover(request);
  const client = await chooseClient(request, authority, { registered: { clientId: "tv" } });
  const flow = await beginDevice(authority, client, { scope: ["read"] });
  const page = await new Browser().enter(flow.verificationUriComplete ?? "");
  assert.match(page, /Sign-in Success|success/i);
  const grant = await finishDevice({ ...JSON.parse(JSON.stringify(flow)), interval: 0 });
  assert.equal([grant.scope, grant.resource], [["read"], provider.serverUrl]);
});

const machine = async (registered: NonNullable<ChooseClientOptions["registered"]>) => {
  const authority: Authority = await discover(ask());
  const client = await chooseClient(ask(), authority, { registered });
  return clientCredentials(authority, client, { scope: ["read"] });
};

test("a client's own token: by a secret, and by a key", async () => {
  assert.equal((await machine({ clientId: "secret", clientSecret: "s-1" })).scope, ["read"]);
  assert.equal((await machine({ clientId: "signed", privateKey: { pem } })).clientId, "signed");
  assert.is((await refused(machine({ clientId: "secret", clientSecret: "s-2" }), "REFUSED")).error, "invalid_client");
});

test("signing out ends the grant at the server", async () => {
  const { grant } = await signIn(registration);
  assert.is(await revoke(grant), true);
  assert.is((await refused(refresh(grant), "REFUSED")).error, "invalid_grant");
});

test("a person's no, and a listener that takes the browser back", async () => {
  await using listener = await listenForRedirect();
  const request = ask();
  const authority = await discover(request);
  const client = await chooseClient(request, authority, {
    register: { redirectUris: [listener.redirectUri], name: "Test" },
  });
  const flow = await beginCode(authority, client, { redirectUri: listener.redirectUri, scope: ["none-of-it"] });
  await fetch(await new Browser().signIn(flow.url));
  const error = await refused(finishCode(flow, await listener.next()), "REFUSED");
  assert.equal([error.error, error.step], ["access_denied", "authorization"]);
});
