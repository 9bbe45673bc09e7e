/** Collects secret values found while reading specs, so that output text can be masked. */

export interface Secrets {
  /** Adds a secret, its URL-encoded form, and each of its lines if it has several. */
  add(value: string): void;
  /**
   * Returns the text with every secret replaced by `***`.
   * @param known words that the reader knows already: a secret in one of them is not masked, since a mask
   * would reveal that it is one
   */
  mask(text: string, known?: readonly string[]): string;
  /** Returns the end-exclusive ranges of secrets in a text, in order, without overlap. */
  find(text: string): readonly (readonly [start: number, end: number])[];
}

/** Shorter secrets are masked only as whole words: `no` is not masked in `nothing`. */
const minAnywhere = 4;

export function createSecrets(): Secrets {
  const values = new Set<string>();

  const find: Secrets["find"] = (text) => {
    const taken: [number, number][] = [];
    // One flag for each character: searching all ranges for each new one would be quadratic.
    const isTaken = new Uint8Array(text.length);
    for (const value of [...values].sort((a, b) => b.length - a.length)) {
      for (let at = text.indexOf(value); at >= 0; at = text.indexOf(value, at + value.length)) {
        const end = at + value.length;
        const alone = !/\w/.test(text[at - 1] ?? "") && !/\w/.test(text[end] ?? "");
        // Longer secrets were handled first, so a range that overlaps this one covers its first or its last
        // character.
        const free = isTaken[at] === 0 && isTaken[end - 1] === 0;
        if (!free || (value.length < minAnywhere && !alone)) continue;
        taken.push([at, end]);
        isTaken.fill(1, at, end);
      }
    }
    return taken.sort(([a], [b]) => a - b);
  };

  return {
    add(value) {
      const lines = value.split(/\r?\n/).map((line) => line.trim());
      for (const secret of [value, ...lines])
        for (const form of [secret, encodeURIComponent(secret), decoded(secret)])
          if (form !== "") values.add(form);
    },
    find,
    mask(text, known = []) {
      let masked = "";
      let position = 0;
      for (const [start, end] of find(text)) {
        if (known.some((word) => word.includes(text.slice(start, end)))) continue;
        masked += `${text.slice(position, start)}***`;
        position = end;
      }
      return masked + text.slice(position);
    },
  };
}

/** Matches anywhere in a name. `PWD` and `OLDPWD` alone are directories of the shell. */
const secretParts =
  /PASS(WORD|WD|PHRASE|CODE)|SECRET|TOKEN|CREDENTIAL|COOKIE|BEARER|WEBHOOK|HMAC|MNEMONIC|SLACK.*URL|CONN(ECTION)?_?STR(ING)?S?($|_)|(?<!^|^OLD)PWD($|_)/i;
/**
 * Matches between underscores. `PAT`: a personal access token; `SAS`: a signature of Azure; `SK`: a secret
 * key.
 */
const secretWords =
  /(^|_)((ACCESS|ACCOUNT|API|ENCRYPTION|MASTER|PRIVATE|SHARED|SIGNING|SSH)?KEYS?|AUTH|CREDS?|DSN|JWT|PASS|PAT|PEM|PEPPER|PSK|PW|SALT|SAS|SESSION_?ID|SIGNATURE|SIGNING|SK|T?OTP)($|_)/i;
/** Matches at the end of a name: `CONNECTION_TIMEOUT` and `PRIVATE_SUBNET` do not match. */
const secretEnds = /(^|_)((?<!M(AX|IN)_)CONN(ECTION)?|PIN|PRIVATE|SESSION)$/i;

/** Whether a variable of this name holds a secret. */
export function looksSecret(name: string): boolean {
  return secretParts.test(name) || secretWords.test(name) || secretEnds.test(name);
}

const passwordsOfUrls = /[a-z][a-z0-9+.-]*:\/\/[^\s/?#@:]*:([^\s/?#]+)@/gi;
/** Keys in connection strings, signed URLs and JSON. */
const secretPairs =
  /(?:^|[;,&?\s{])["']?(?:password|passwd|passphrase|pwd|accountkey|sharedaccesskey|sharedaccesssignature|sig|[\w-]*signature)(?:\s*=|["']\s*:)\s*(?:"([^"]*)"|'([^']*)'|([^;,&\s"']+))/gi;
const pemBlock = /-----BEGIN [A-Z0-9 ]+-----/;

/**
 * Returns the secrets in a variable's value, regardless of its name; empty if nothing looks like a secret.
 */
export function secretsInValue(value: string): readonly string[] {
  const found = [...value.matchAll(passwordsOfUrls), ...value.matchAll(secretPairs)].flatMap(
    ([, ...groups]) => groups.filter((group) => group !== undefined && group !== ""),
  );
  return pemBlock.test(value) ? [...found, value] : found;
}

const userinfo = /^[a-z][a-z0-9+.-]*:\/\/[^\s/?#@:]*:([^\s/?#]*)@/i;

/** Returns the password in a URL and its position, or `null`. */
export function passwordInUrl(
  text: string,
): { readonly password: string; readonly start: number; readonly end: number } | null {
  const match = userinfo.exec(text);
  const password = match?.[1] ?? "";
  if (match === null || password === "") return null;
  const end = match[0].length - 1;
  return { password, start: end - password.length, end };
}

/**
 * Returns possible secrets in the words of a command line before it is parsed: passwords in URLs and
 * connection strings, and the parameters of signed URLs.
 */
export function secretsInWords(words: readonly string[]): readonly string[] {
  const inUserinfo = /[a-z][a-z0-9+.-]*:\/+[^\s/?#@:]*:([^\s/?#]*)@/gi;
  const inParameters = /[?&](?:[\w-]*(?:password|token|signature|credential|secret)|sig|key)=([^&#\s]+)/gi;
  const found = words.flatMap((word) => [
    ...[...word.matchAll(inUserinfo), ...word.matchAll(inParameters)].map(([, secret = ""]) => secret),
    ...secretsInValue(word.replace(/^[\w.-]+=/, "")),
    ...secretsInValue(word),
  ]);
  return [...new Set(found)].filter((secret) => secret !== "" && !secret.includes("${"));
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
