/** Distinguishes URLs from paths. A URL must never be treated as a folder name. */

/**
 * Returns the scheme of a URL: `s3` for `s3://lake/x`, and for `s3:/lake/x`, which remains after the URL was
 * joined to a path. Returns `null` for a path. A single letter is not a scheme.
 */
export function schemeOf(text: string): string | null {
  return /^([a-z][a-z0-9+.-]+):\//i.exec(text)?.[1]?.toLowerCase() ?? null;
}

/**
 * Formats a URL for an error message. User, password and parameters are removed, because each may be a
 * secret.
 */
export function shownAddress(text: string): string {
  return text.replace(/:\/+[^\s/?#]*@/, (user) => `${/^:\/+/.exec(user)?.[0]}***@`).replace(/[?#].*$/s, "");
}
