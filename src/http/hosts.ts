/** Names of hosts in URLs and in Host headers. */

/** `localhost`, 127.0.0.0/8 or `::1`. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "::1" || /^127(\.\d{1,3}){3}$/.test(hostname);
}

/** A Host header without port and brackets, in lower case. */
export function hostnameOf(host: string): string {
  return (/^\[([^\]]*)\](:\d+)?$/.exec(host)?.[1] ?? host.replace(/:\d+$/, "")).toLowerCase();
}
