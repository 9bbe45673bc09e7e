/** Tells addresses from paths: an address must never be taken for the name of a folder. */

/**
 * The scheme of an address: `s3` of `s3://lake/x`, and of `s3:/lake/x`, which is what is left of it once it was joined to a
 * path. `null` for a path. A single letter is no scheme.
 */
export function schemeOf(text: string): string | null {
  return /^([a-z][a-z0-9+.-]+):\//i.exec(text)?.[1]?.toLowerCase() ?? null;
}

/** An address for an error: without user, password and parameters, each of which may be a secret. */
export function shownAddress(text: string): string {
  return text.replace(/:\/+[^\s/?#]*@/, (user) => `${/^:\/+/.exec(user)?.[0]}***@`).replace(/[?#].*$/s, "");
}
