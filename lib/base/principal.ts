/**
 * Whoever an answer is for has a name, or there is nobody: an empty one, from an unset variable for example, would make strangers
 * share what they obtain.
 * @throws TypeError when it is there and no text, or blank.
 */
export function checkPrincipal(principal: unknown): string | undefined {
  if (principal === undefined) return undefined;
  if (typeof principal !== "string" || principal.trim() === "") {
    throw new TypeError('"principal" must be a name that is not blank, or be left out');
  }
  return principal;
}
