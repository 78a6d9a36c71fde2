import { type InspectOptions, inspect } from "node:util";

const secret = new Set([
  ...["accessToken", "refreshToken", "clientSecret", "pem", "assertion"],
  ...["verifier", "state", "url", "deviceCode", "userCode", "verificationUriComplete"],
]);

function show(this: object, depth: number, options: InspectOptions): unknown {
  if (depth < 0) return "[Object]";
  const shown = Object.entries(this).map(([key, value]) => [key, secret.has(key) ? "[redacted]" : value]);
  return inspect(Object.fromEntries(shown), { ...options, depth });
}

/**
 * The same object, printed with its secrets redacted: by `console.log`, `util.inspect`, and so in errors. `JSON.stringify` gives
 * it whole, for that is how it gets into another process.
 */
export function redacted<T extends object>(plain: T): T {
  for (const value of Object.values(plain)) if (typeof value === "object" && value !== null) redacted(value);
  if (!Array.isArray(plain))
    Object.defineProperty(plain, inspect.custom, { value: show, enumerable: false, configurable: true });
  return plain;
}
