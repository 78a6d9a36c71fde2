import { credentialKey, intentKey, type PendingRequest, parsePendingRequest, pendingRequest } from "latchkey/pending";
import * as assert from "uvu/assert";
import { suite } from "../support/suite.js";

const test = suite("Keys of intent and credential");

interface Variation {
  sessionId?: string;
  principal?: string | undefined;
  requestId?: string;
  serverName?: string;
  serverUrl?: string;
  clientId?: string | undefined;
  clientSecret?: string;
  scope?: string | undefined;
  configuredScope?: string | undefined;
  reason?: string;
}

function oauth(variation: Variation = {}): PendingRequest {
  const { sessionId, principal, requestId, serverName, serverUrl, clientId, clientSecret, ...rest } = {
    sessionId: "s1",
    principal: "ada",
    requestId: "r1",
    serverName: "notes",
    serverUrl: "https://notes.example/mcp",
    clientId: "client",
    scope: "a b",
    reason: "initial",
    ...variation,
  };
  const { scope, configuredScope, reason }: Variation = rest;
  return pendingRequest(
    {
      type: "mcp.oauth_required",
      data: {
        requestId,
        serverName,
        serverUrl,
        reason: reason ?? "initial",
        ...(clientId === undefined
          ? {}
          : {
              staticClientConfig: {
                clientId,
                ...(clientSecret === undefined ? {} : { clientSecret }),
                ...(configuredScope === undefined ? {} : { scope: configuredScope }),
              },
            }),
        ...(scope === undefined ? {} : { wwwAuthenticateParams: { scope } }),
      },
    },
    { sessionId, principal },
  );
}

const permission = (sessionId: string, requestId: string): PendingRequest =>
  pendingRequest(
    {
      type: "permission.requested",
      data: { requestId, permissionRequest: { kind: "shell", toolCallId: "t1" } },
    },
    { sessionId, principal: "ada" },
  );

const credential = (variation?: Variation) => credentialKey(oauth(variation));
const intent = (variation?: Variation) => intentKey(oauth(variation));

test("the credential is the same for", () => {
  const same: Record<string, Variation> = {
    "another session of the same principal": { sessionId: "s2" },
    "another request": { requestId: "r2" },
    "another name of the server": { serverName: "other" },
    "another reason": { reason: "refresh" },
    "scheme and host in capitals": { serverUrl: "HTTPS://Notes.EXAMPLE/mcp" },
    "the default port": { serverUrl: "https://notes.example:443/mcp" },
    "a fragment": { serverUrl: "https://notes.example/mcp#part" },
    "scopes in another order, twice, with spaces": { scope: " b  a b " },
  };
  for (const [what, variation] of Object.entries(same)) assert.is(credential(variation), credential(), what);
});

test("the credential is another for", () => {
  const other: Record<string, Variation> = {
    "another principal": { principal: "grace" },
    "no principal": { principal: undefined },
    "another path": { serverUrl: "https://notes.example/MCP" },
    "a path with a slash more": { serverUrl: "https://notes.example/mcp/" },
    "a query": { serverUrl: "https://notes.example/mcp?tenant=1" },
    "another port": { serverUrl: "https://notes.example:8443/mcp" },
    "another scheme": { serverUrl: "http://notes.example/mcp" },
    "other user info": { serverUrl: "https://eve@notes.example/mcp" },
    "another client": { clientId: "other" },
    "no client": { clientId: undefined },
    "a client of the text null": { clientId: "null" },
    "a wider scope": { scope: "a b c" },
    "a narrower scope": { scope: "a" },
    "a scope in capitals": { scope: "A b" },
    "no scope": { scope: undefined },
  };
  const keys = Object.entries(other).map(([what, variation]) => [what, credential(variation)] as const);
  for (const [what, key] of keys) assert.is.not(key, credential(), what);
  assert.is(new Set(keys.map(([, key]) => key)).size, keys.length, "and another for each");
});

test("the scope is the challenge's, else the configured one, else none", () => {
  const configured = (scope: string | undefined, challenge?: string) =>
    credential({ configuredScope: scope, scope: challenge });
  assert.is(configured("b a"), credential());
  assert.is(configured("c", "a b"), credential());
  for (const none of ["", " ", '""', '" "', "\\"]) {
    assert.is(configured("a b", none), credential(), JSON.stringify(none));
    assert.is(configured(none, none), credential({ scope: undefined }), JSON.stringify(none));
  }
  assert.is(credential({ scope: '"a b"' }), credential(), "quotation marks are no part of a scope");
});

test("without a principal nothing is shared between sessions, whatever they are called", () => {
  const alone = (sessionId: string) => credential({ principal: undefined, sessionId });
  assert.is(alone("s1"), alone("s1"));
  assert.is.not(alone("s1"), alone("s2"));
  assert.is.not(alone("ada"), credential({ principal: "ada", sessionId: "ada" }));
  assert.throws(() => credential({ principal: "" }), /"principal" must be a name that is not blank/);
});

test("no two parts run into each other", () => {
  assert.is.not(credential({ principal: 'a","b' }), credential({ principal: "a" }));
  assert.is.not(credential({ clientId: 'client","a' }), credential({ clientId: "client" }));
  assert.is.not(intent({ sessionId: "s1mcp" }), intent({ sessionId: "s1" }));
});

test("the intent is the same after a restart, and another for another session, server or URL", () => {
  for (const same of [
    { requestId: "r2" },
    { reason: "refresh" },
    { principal: "grace" },
    { scope: "c" },
    { clientId: "other" },
  ])
    assert.is(intent(same), intent());
  for (const other of [
    { sessionId: "s2" },
    { serverName: "other" },
    { serverUrl: "https://notes.example/mcp?x" },
    { serverUrl: "https://notes.example/other" },
  ])
    assert.is.not(intent(other), intent());
});

test("a kind whose answers serve one request has that request as its credential", () => {
  const key = credentialKey(permission("s1", "r1"));
  assert.is(credentialKey(permission("s1", "r1")), key);
  assert.is.not(credentialKey(permission("s1", "r2")), key);
  assert.is.not(credentialKey(permission("s2", "r1")), key);
});

test("keys are hashes that show nothing", () => {
  for (const key of [credential(), intent(), credentialKey(permission("s", "r")), intentKey(permission("s", "r"))])
    assert.match(key, /^[\w-]{43}$/);
});

test("keys outlast being stored with the secrets", () => {
  const request = oauth({ serverUrl: "https://u:p@notes.example/mcp?q", clientSecret: "x" });
  const secrets: object = JSON.parse(JSON.stringify(request.secrets.reveal()));
  const stored = parsePendingRequest(JSON.stringify(request), { secrets });
  assert.is(intentKey(stored), intentKey(request));
  assert.is(credentialKey(stored), credentialKey(request));
});
