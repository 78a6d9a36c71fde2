import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import type { Ask, Office } from "./context.js";

type Place = Pick<Office, "origin">;

/** Ports share their host's cookies, so the name has the port. `__Host-` forbids other hosts and plain http to set it. */
function nameFor(origin: string): { name: string; secure: boolean } {
  const url = new URL(origin);
  const secure = url.protocol === "https:";
  return { name: secure ? "__Host-latchkey" : `latchkey-${url.port || "80"}`, secure };
}

export function readCookie({ origin }: Place, ask: Ask): string | undefined {
  return getCookie(ask, nameFor(origin).name);
}

/** `Lax`: an authorization server sends the browser back to `/callback`, and the session has to come along. */
export function writeCookie({ origin }: Place, ask: Ask, value: string): void {
  const { name, secure } = nameFor(origin);
  setCookie(ask, name, value, { path: "/", httpOnly: true, sameSite: "Lax", secure, maxAge: 12 * 3600 });
}

export function dropCookie({ origin }: Place, ask: Ask): void {
  const { name, secure } = nameFor(origin);
  deleteCookie(ask, name, { path: "/", secure });
}
