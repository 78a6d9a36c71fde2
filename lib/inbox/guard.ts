/**
 * What stands before every page: the address that was asked for (DNS rebinding), where a form comes from (CSRF), and what the browser
 * may do with the answer (framing, scripts, other origins, caches).
 */
import { createMiddleware } from "hono/factory";
import { secureHeaders } from "hono/secure-headers";
import type { Env } from "./context.js";

/** Headers of every answer, errors too. */
export const headers = (origin: string) =>
  createMiddleware<Env>(async (ask, next) => {
    await next();
    // Pages show what strangers asked, and what people answered: nothing of it is kept.
    if (!ask.res.headers.has("cache-control")) ask.header("cache-control", "no-store");
    await browserRules(origin)(ask, () => Promise.resolve());
  });

const browserRules = (origin: string) =>
  secureHeaders({
    contentSecurityPolicy: {
      defaultSrc: ["'none'"],
      styleSrc: ["'self'"],
      scriptSrc: ["'self'"],
      imgSrc: ["'self'"],
      connectSrc: ["'self'"],
      formAction: ["'self'"],
      frameAncestors: ["'none'"],
      baseUri: ["'none'"],
    },
    xFrameOptions: "DENY",
    // With `no-referrer` a browser says `Origin: null` of our own forms.
    referrerPolicy: "same-origin",
    crossOriginOpenerPolicy: "same-origin",
    crossOriginResourcePolicy: "same-origin",
    strictTransportSecurity: origin.startsWith("https:"),
    permissionsPolicy: { camera: [], microphone: [], geolocation: [] },
  });

/** A page of another name that was made to point here is not this inbox: its scripts would be of the same origin. */
export const checkHost = (origin: string) => {
  const { host } = new URL(origin);
  return createMiddleware<Env>(async (ask, next) => {
    const asked = ask.env.incoming.headers.host;
    if (asked !== host) return ask.text(`This is not the address of the inbox: open ${origin}/\n`, 421);
    return await next();
  });
};

/** Only this origin's own pages may change anything. */
export const checkOrigin = (origin: string) =>
  createMiddleware<Env>(async (ask, next) => {
    const { method } = ask.req;
    if (method === "GET" || method === "HEAD") return await next();
    if (method !== "POST") return ask.text("The inbox takes GET and POST.\n", 405, { allow: "GET, HEAD, POST" });
    const said = ask.req.header("origin");
    const own = said === undefined ? ask.req.header("sec-fetch-site") === "same-origin" : said === origin;
    if (!own) return ask.text("This form comes from another page than the inbox; nothing was done.\n", 403);
    return await next();
  });
