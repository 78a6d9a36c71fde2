import { HTTPException } from "hono/http-exception";
import type { Ask } from "./context.js";

/** What a form sent. Its size is limited before. */
export async function readForm(ask: Ask): Promise<URLSearchParams> {
  const type = ask.req.header("content-type") ?? "";
  if (!/^application\/x-www-form-urlencoded(;|$)/i.test(type)) throw new HTTPException(415);
  return new URLSearchParams(await ask.req.text());
}
