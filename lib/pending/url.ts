/** A URL that may be shown: without user info, query and fragment. Empty for anything that is not an http or https URL. */
export function openUrl(url: string): string {
  if (!URL.canParse(url)) return "";
  const open = new URL(url);
  if (open.protocol !== "https:" && open.protocol !== "http:") return "";
  open.username = "";
  open.password = "";
  open.search = "";
  open.hash = "";
  return open.href;
}

/**
 * The canonical URI of a resource (RFC 8707 section 2, RFC 3986 section 6.2): scheme and host in lower case, no default port,
 * no fragment. Path and query stay as they are, for they may name different resources.
 */
export function resource(url: string): string {
  if (!URL.canParse(url)) return url;
  const canonical = new URL(url);
  canonical.hash = "";
  return canonical.href;
}
