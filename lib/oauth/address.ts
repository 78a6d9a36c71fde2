import { BlockList, isIP } from "node:net";

/** Networks that no public server is in (RFC 6890 and the registries it began): private, loopback, link-local, shared, reserved, multicast. */
const inner4: readonly (readonly [string, number])[] = [
  ...([
    ["0.0.0.0", 8],
    ["10.0.0.0", 8],
    ["100.64.0.0", 10],
    ["127.0.0.0", 8],
    ["169.254.0.0", 16],
  ] as const),
  ...([
    ["172.16.0.0", 12],
    ["192.0.0.0", 24],
    ["192.168.0.0", 16],
    ["198.18.0.0", 15],
    ["224.0.0.0", 3],
  ] as const),
];
/** Besides: addresses that carry one of IPv4 inside, by a translation that has gone out of use (6to4, Teredo, local NAT64). */
const inner6: readonly (readonly [string, number])[] = [
  ...([
    ["::", 127],
    ["fc00::", 7],
    ["fe80::", 10],
    ["fec0::", 10],
    ["ff00::", 8],
    ["100::", 64],
  ] as const),
  ...([
    ["2002::", 16],
    ["2001::", 32],
    ["64:ff9b:1::", 48],
  ] as const),
];

const inner = new BlockList();
for (const [net, bits] of inner4) {
  inner.addSubnet(net, bits, "ipv4");
  // NAT64 is how networks with IPv6 alone reach public servers, so only what it would translate to these is refused.
  const [a = 0, b = 0, c = 0, d = 0] = net.split(".").map(Number);
  const low = [a * 256 + b, c * 256 + d].map((part) => part.toString(16)).join(":");
  for (const prefix of ["64:ff9b::", "::ffff:", "::"]) inner.addSubnet(`${prefix}${low}`, 96 + bits, "ipv6");
}
for (const [net, bits] of inner6) inner.addSubnet(net, bits, "ipv6");

/** Whether an IP address is of a network that no public server is in. */
export function isInnerAddress(address: string): boolean {
  const family = isIP(address);
  return family === 0 || inner.check(address, family === 4 ? "ipv4" : "ipv6");
}

/** The host of a URL without the brackets of IPv6 and the dot of a whole DNS name. */
export const hostOf = (url: URL): string => url.hostname.replace(/^\[|\]$|\.$/g, "");

/** Names that public DNS does not have (RFC 6761, RFC 8375, RFC 9476, ICANN's `internal`), and those without a dot. */
const innerName = /^[^.]*$|\.(?:localhost|local|internal|intranet|lan|home\.arpa|test|alt)$/i;

/** Whether a URL names an inner host by itself, without asking DNS. */
export function isInnerHost(url: URL): boolean {
  const host = hostOf(url);
  return isIP(host) === 0 ? innerName.test(host) : isInnerAddress(host);
}

/** Loopback by literal address or by `localhost` (RFC 8252 section 7.3, RFC 6761 section 6.3). */
export function isLoopback(url: URL): boolean {
  const host = hostOf(url);
  return (
    host === "localhost" ||
    host.endsWith(".localhost") ||
    host === "::1" ||
    (isIP(host) === 4 && host.startsWith("127."))
  );
}
