// biome-ignore-all lint/suspicious/noTemplateCurlyInString: `${…}` is part of the language of specs
/**
 * Takes databases' URLs out of a spec before anything else looks at it: what stays are their addresses, which hold no
 * secret, and what a job keeps is the URL as it is written, with its variables unexpanded.
 */
import { type Connection, isBadUrl, isConnectionUrl, parseConnectionUrl } from "../connection.js";
import type { JsonValue } from "../errors.js";
import type { Problem, SpecPath } from "./problem.js";
import type { Secrets } from "./secrets.js";
import { mapStrings, valueAt } from "./spec-source.js";

/** `null` where files are read or written. */
export interface Connections {
  readonly input: Connection | null;
  readonly write: Connection | null;
}

interface TakeContext {
  readonly baseDir: string;
  readonly secrets: Secrets;
}

export interface TakenConnections {
  readonly tree: JsonValue;
  readonly connections: Connections;
  readonly problems: readonly Problem[];
}

/**
 * @param written as it stands in the file
 * @param expanded the same with variables expanded
 */
export function takeConnections(
  written: JsonValue,
  expanded: JsonValue,
  { baseDir, secrets }: TakeContext,
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

/** A path whose templates made a URL of a database of it: it was taken for a path before. */
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

/** Stands for a URL that was told to be wrong. */
const unknownAddress = "postgres://";

function placeOf([section, key]: SpecPath): keyof Connections | null {
  if (section === "input" && key === "from") return "input";
  return section === "write" && key === "to" ? "write" : null;
}

/** Passwords in front of the host are known by now; those among the parameters are not. */
function hidePassword(text: string, secrets: Secrets): void {
  const [, password = ""] = /[?&]password=([^&#]*)/i.exec(text) ?? [];
  if (password !== "") secrets.add(password);
}
