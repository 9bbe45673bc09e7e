// biome-ignore-all lint/suspicious/noTemplateCurlyInString: `${…}` is part of the language of specs
/**
 * Removes `notify` from a spec or from nightshift.yaml before other code reads it: its URLs are secrets, and
 * nothing of it belongs to a job, which is stored.
 */
import { isAllowed } from "../config.js";
import type { JsonValue } from "../errors.js";
import type { Deadline, NotifySettings } from "../job/notice.js";
import type { Problem, SpecPath } from "../job/spec-problem.js";
import { expandTreeVariables, type TreeVariableContext } from "./expand-tree-variables.js";
import { problemsOfIssues } from "./issues.js";
import { parseDurationMs } from "./quantities.js";
import { type NotifySpec, notify as schema, wallTimeSyntax } from "./schema/notify.js";
import { secretReferences } from "./variables.js";

export interface TakenNotify {
  /** The spec without `notify`. */
  readonly tree: JsonValue;
  /** Settings as written for one job; `null` if they are missing or invalid. */
  readonly notify: ((timezone: string) => NotifySettings) | null;
  readonly problems: readonly Problem[];
}

const channels = ["webhook", "slack"] as const;

export function takeNotify(tree: JsonValue, context: TreeVariableContext): TakenNotify {
  if (typeof tree !== "object" || tree === null || Array.isArray(tree) || !("notify" in tree))
    return { tree, notify: null, problems: [] };
  const { notify: written, ...rest } = tree as { readonly [key: string]: JsonValue };
  const { notify, problems } = readNotify(written ?? null, context);
  return {
    tree: rest,
    notify,
    problems: problems.map((problem) => ({ ...problem, path: ["notify", ...problem.path] })),
  };
}

function readNotify(written: JsonValue, context: TreeVariableContext): Omit<TakenNotify, "tree"> {
  const parsed = schema.safeParse(written);
  if (!parsed.success)
    return { notify: null, problems: problemsOfIssues(schema, written, parsed.error.issues) };
  const spec = parsed.data;
  const expanded = expandTreeVariables(spec as JsonValue, context);
  const urls = expanded.tree as { readonly [channel: string]: string };
  const problems = [
    ...expanded.problems,
    ...channels.flatMap((channel) => problemsOfUrl(channel, spec[channel], urls[channel], context)),
    ...(channels.some((channel) => spec[channel] !== undefined) ? [] : [nobody]),
  ];
  if (problems.length > 0) return { notify: null, problems };
  const urlOf = (channel: (typeof channels)[number]): string | null => urls[channel] || null;
  return {
    notify: (timezone) => ({
      events: spec.events,
      deadline: toDeadline(spec, timezone),
      webhook: urlOf("webhook"),
      slack: urlOf("slack"),
    }),
    problems,
  };
}

const nobody: Problem = {
  path: [],
  at: "value",
  code: "spec.incomplete",
  message: "neither `webhook` nor `slack` is given",
  suggestion: "add `slack: ${SLACK_URL}` or `webhook: ${WEBHOOK_URL}`",
};

function problemsOfUrl(
  channel: string,
  written: string | undefined,
  url: string | undefined,
  { secrets, environment }: TreeVariableContext,
): readonly Problem[] {
  if (written === undefined || url === undefined || url === "") return [];
  secrets.add(url);
  const wrong = (code: string, message: string, suggestion: string): readonly Problem[] => [
    { path: [channel] as SpecPath, at: "value", code, message, suggestion },
  ];
  if (!written.includes("${"))
    return wrong(
      "spec.literal-password",
      "anyone who knows this URL may post, so it is a secret, and it is written into the spec",
      `take it from the environment: \`\${${channel === "slack" ? "SLACK_URL" : "WEBHOOK_URL"}}\``,
    );
  const references = secretReferences(written, environment);
  if (references.length > 1 || references.some(({ length }) => length !== written.trim().length))
    return wrong(
      "spec.secret-place",
      "a part of it is a secret, and would be sent to the host that it names",
      "take the whole URL from one variable or file",
    );
  if (written.includes("${") && url.includes("${")) return [];
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    return wrong(
      "spec.notify-url",
      "it does not become a URL of http or https",
      "check the variable's value",
    );
  if (!isAllowed(environment, "NIGHTSHIFT_HOSTS", new URL(url).hostname))
    return wrong(
      "spec.notify-url",
      "its host is not in NIGHTSHIFT_HOSTS",
      "name a host that the operator allows",
    );
  if (new URL(url).username !== "" || new URL(url).password !== "")
    return wrong(
      "spec.notify-url",
      "a URL with a user cannot be posted to",
      "put a token into its path or query",
    );
  return [];
}

function toDeadline({ deadline }: NotifySpec, timezone: string): Deadline | null {
  if (deadline === undefined) return null;
  const [, hour, minute] = wallTimeSyntax.exec(deadline) ?? [];
  if (hour === undefined || minute === undefined) return { kind: "after", ms: parseDurationMs(deadline) };
  return { kind: "clock", hour: Number(hour), minute: Number(minute), timezone };
}
