import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

/** 256 random bits for a link or a cookie. */
export const newToken = (): string => randomBytes(32).toString("base64url");

/** What is kept of a token: whoever reads it cannot use it, and a look-up by it tells nothing by its time. */
export const digest = (token: string): string => createHash("sha256").update(token).digest("base64url");

export const same = (a: string, b: string): boolean => timingSafeEqual(Buffer.from(digest(a)), Buffer.from(digest(b)));
