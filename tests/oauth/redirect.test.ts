/** The listener on loopback that takes the browser back. */
import { request as httpRequest } from "node:http";
import { listenForRedirect } from "latchkey/oauth";
import * as assert from "uvu/assert";
import { rejects, suite } from "../support/suite.js";

const test = suite("listenForRedirect");

/** With a `Host` of its own choice, which `fetch` does not let one choose. */
const status = (url: string, { host, method = "GET" }: { host?: string; method?: string } = {}): Promise<number> =>
  new Promise((resolve, reject) => {
    const request = httpRequest(url, { method, agent: false, ...(host && { headers: { host } }) }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.once("error", reject).end();
  });

test("gives the URLs that the browser came back to, in their order", async () => {
  await using listener = await listenForRedirect();
  assert.match(listener.redirectUri, /^http:\/\/127\.0\.0\.1:\d+\/callback$/);
  const next = listener.next();
  const response = await fetch(`${listener.redirectUri}?code=1&state=%3Cb%3E`);
  assert.is(await next, `${listener.redirectUri}?code=1&state=%3Cb%3E`);
  assert.not.match(await response.text(), /code|<b>/);
  assert.is(response.headers.get("referrer-policy"), "no-referrer");
  assert.is(response.headers.get("cache-control"), "no-store");
  await fetch(`${listener.redirectUri}?error=a`);
  await fetch(`${listener.redirectUri}?error=b`);
  assert.match(await listener.next(), /error=a$/);
  assert.match(await listener.next(), /error=b$/);
});

test("what is no callback is none: another path, method or host, no answer in it", async () => {
  await using listener = await listenForRedirect({ path: "/cb" });
  const { redirectUri } = listener;
  const callback = `${redirectUri}?code=1`;
  assert.is(await status(redirectUri), 404);
  assert.is(await status(callback.replace("/cb", "/other")), 404);
  for (const method of ["POST", "HEAD", "OPTIONS"]) assert.is(await status(callback, { method }), 404);
  assert.is(await status(callback, { host: "evil.example" }), 404);
  assert.is(await status(callback.replace("127.0.0.1", "localhost")), 200);
  assert.match(await listener.next(), /code=1$/);
  assert.is((await rejects(listener.next({ timeoutMs: 20 }))).name, "TimeoutError");
});

test("a whole URL in the place of a path is of another origin, and no callback", async () => {
  await using listener = await listenForRedirect();
  const { host, port } = new URL(listener.redirectUri);
  const asked = (path: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const request = httpRequest({ host: "127.0.0.1", port, path, headers: { host }, agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      request.once("error", reject).end();
    });
  assert.is(await asked("http://evil.example/callback?code=1"), 404);
  assert.is(await asked("/callback?code=2"), 200);
  assert.match(await listener.next(), /code=2$/);
});

test("only loopback can reach it, and many callbacks do not grow it", async () => {
  await using listener = await listenForRedirect();
  for (let at = 0; at < 20; at++) await status(`${listener.redirectUri}?code=${at}`);
  for (let at = 0; at < 16; at++) assert.match(await listener.next(), new RegExp(`code=${at}$`));
  assert.is((await rejects(listener.next({ timeoutMs: 20 }))).name, "TimeoutError");
});

test("ends: by close, by the signal, before it began", async () => {
  const listener = await listenForRedirect();
  const waiting = rejects(listener.next());
  await listener.close();
  await listener.close();
  assert.is((await waiting).name, "AbortError");
  assert.is((await rejects(listener.next())).name, "AbortError");
  await rejects(status(`${listener.redirectUri}?code=1`));
  const controller = new AbortController();
  const other = await listenForRedirect({ signal: controller.signal });
  const reason = new Error("enough");
  const next = rejects(other.next());
  controller.abort(reason);
  assert.is(await next, reason);
  await other.close();
  assert.is(await rejects(listenForRedirect({ signal: controller.signal })), reason);
});

test("a port that is taken is said so", async () => {
  await using listener = await listenForRedirect();
  const port = Number(new URL(listener.redirectUri).port);
  const error = await rejects(listenForRedirect({ port }));
  assert.is("code" in error && error.code, "EADDRINUSE");
  assert.instance(await rejects(listenForRedirect({ path: "cb" })), TypeError);
});
