// biome-ignore-all lint/suspicious/noTemplateCurlyInString: `${…}` is part of the language of specs
/**
 * Replaces database URLs in a spec by their addresses, which contain no secret, before other code reads the
 * spec. A job stores the URL as written, with its variables unexpanded.
 */

import type { JsonValue } from "../errors.js";
import { type Connection, isBadUrl, isConnectionUrl, parseConnectionUrl } from "../job/connection.js";
import type { Problem, SpecPath } from "../job/spec-problem.js";
import type { Secrets } from "./secrets.js";
import { mapStrings, valueAt } from "./spec-source.js";
import { secretReferences } from "./variables.js";

/** `null` for files. */
export interface Connections {
  readonly input: Connection | null;
  readonly write: Connection | null;
}

interface TakeContext {
  readonly baseDir: string;
  readonly environment: { readonly [name: string]: string | undefined };
  readonly secrets: Secrets;
}

export interface TakenConnections {
  readonly tree: JsonValue;
  readonly connections: Connections;
  readonly problems: readonly Problem[];
}

/**
 * @param written the value in the file
 * @param expanded the value with variables expanded
 */
export function takeConnections(
  written: JsonValue,
  expanded: JsonValue,
  { baseDir, environment, secrets }: TakeContext,
): TakenConnections {
  const problems: Problem[] = [];
  const taken = { input: null as Connection | null, write: null as Connection | null };
  const tree = mapStrings(expanded, (text, path) => {
    const place = placeOf(path);
    if (place === null || !isConnectionUrl(text)) return text;
    const template = String(valueAt(written, path));
    const problem = (code: string, message: string, suggestion: string): void => {
      problems.push({ path, at: "value", code, message, suggestion });
    };
    hidePassword(text, secrets);
    if (/[?&](ssl)?password=(?!\$\{)/i.test(template))
      problem(
        "spec.literal-password",
        "a password is written into the spec",
        "take it from the environment: `${DATABASE_URL}`",
      );
    if (hasMisplacedSecret(template, environment))
      problem(
        "spec.secret-place",
        "a secret in it is not in the place of the password, and would be sent to every server",
        "take the whole URL from one variable or file, or the password alone",
      );
    if (template.includes("{{"))
      problem(
        "spec.template-place",
        "the URL of a database holds no templates",
        "take what differs from the environment: `${NAME}`",
      );
    const url = parseConnectionUrl(text);
    if (isBadUrl(url)) {
      problem("spec.connection", url.failure, url.suggestion);
      return unknownAddress;
    }
    taken[place] = { template, baseDir, address: url.address };
    return url.address;
  });
  return { tree, connections: taken, problems };
}

/** Whether the value at a path is a database URL, which never becomes a part of the job. */
export function isConnectionPlace(expanded: JsonValue, path: SpecPath): boolean {
  return placeOf(path) !== null && isConnectionUrl(String(valueAt(expanded, path)));
}

/** Reports paths whose templates expanded to a database URL, which has been treated as a path so far. */
export function templatedUrls(before: JsonValue, expanded: JsonValue): readonly Problem[] {
  const problems: Problem[] = [];
  mapStrings(expanded, (text, path) => {
    if (placeOf(path) !== null && isConnectionUrl(text) && !isConnectionUrl(String(valueAt(before, path))))
      problems.push({
        ...{ path, at: "value", code: "spec.template-place" },
        message: "the URL of a database holds no templates",
        suggestion: "take what differs from the environment: `${NAME}`",
      });
    return text;
  });
  return problems;
}

/** Placeholder for a URL that was reported as wrong. */
const unknownAddress = "postgres://";

function placeOf([section, key]: SpecPath): keyof Connections | null {
  if (section === "input" && key === "from") return "input";
  return section === "write" && key === "to" ? "write" : null;
}

/**
 * A secret may be the whole URL or its password. All other parts of a URL are sent to the server that it
 * names.
 */
function hasMisplacedSecret(template: string, environment: TakeContext["environment"]): boolean {
  const references = secretReferences(template, environment);
  const isWhole = references.length === 1 && references[0]?.length === template.trim().length;
  if (isWhole) return false;
  const password = /^[a-z][a-z0-9+.-]*:\/\/[^\s/?#@:]*:([^@]*)@/i.exec(template);
  const end = password === null ? 0 : password[0].length - 1;
  const start = end - (password?.[1] ?? "").length;
  const parameter = /[?&]password=([^&#]*)/i.exec(template);
  const from = parameter === null ? 0 : parameter.index;
  const to = parameter === null ? 0 : from + parameter[0].length;
  return references.some(
    (each) =>
      !(each.start >= start && each.start + each.length <= end) &&
      !(each.start >= from && each.start + each.length <= to),
  );
}

/** Passwords before the host are known already; those in the parameters are not. */
function hidePassword(text: string, secrets: Secrets): void {
  const [, password = ""] = /[?&]password=([^&#]*)/i.exec(text) ?? [];
  if (password !== "") secrets.add(password);
}
