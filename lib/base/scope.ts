/**
 * The scopes of a scope string, each once, in their order (RFC 6749 section 3.3). Quotation marks that a lenient parser left
 * around them are none of theirs, and what is no scope token is left out. So an empty or quoted-empty scope is none.
 */
export function scopesIn(scope: string | undefined): string[] {
  const tokens = (scope ?? "").replace(/["\\]/g, " ").split(/\s+/);
  return [...new Set(tokens.filter((token) => /^[\x21-\x7e]+$/.test(token)))];
}
