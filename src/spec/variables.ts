// biome-ignore-all lint/suspicious/noTemplateCurlyInString: `${…}` is part of the language of specs
/** `${VAR}`, `${VAR:-default}`, `${VAR:?message}` and `${file:path}` in a string; `$${` is a plain `${`. */
import { isAllowed } from "../config.js";
import type { TextSpan } from "../job/spec-problem.js";
import { closest } from "../text/closest-word.js";
import { didYouMean } from "./did-you-mean.js";
import { looksSecret, passwordInUrl, type Secrets, secretsInValue } from "./secrets.js";

export interface VariableContext {
  readonly environment: { readonly [name: string]: string | undefined };
  /** Reads a secret file. A failure is a sentence. */
  readonly readFile: (path: string) => { readonly text: string } | { readonly failure: string };
  /** Collects the secrets that are found. */
  readonly secrets: Secrets;
}

interface VariableProblem {
  readonly span: TextSpan;
  readonly code: "spec.variable" | "spec.literal-password";
  readonly message: string;
  readonly suggestion: string | null;
}

export interface ExpandedText {
  /** Text with the variables expanded; those that could not be expanded are unchanged. */
  readonly text: string;
  /**
   * Whether the text contains a secret: a file, or a variable whose name or value looks like one. Derived
   * texts are secret too.
   */
  readonly isSecret: boolean;
  readonly problems: readonly VariableProblem[];
}

export function expandVariables(text: string, context: VariableContext): ExpandedText {
  const problems: VariableProblem[] = literalPasswords(text, context.secrets);
  let isSecret = false;
  const expanded = text.replace(
    /\$\$\{|\$\{([^}]*)(\}?)/g,
    (whole: string, body: string | undefined, close: string, start: number) => {
      if (body === undefined) return "${";
      const outcome = close === "" ? failed("`${` is never closed by `}`", null) : lookUp(body, context);
      if ("code" in outcome) {
        const { code, message, suggestion } = outcome;
        const span = { start, end: start + whole.length, text: whole };
        problems.push({ span, code, message, suggestion });
      }
      if (outcome.isSecret === true) isSecret = true;
      return "value" in outcome ? outcome.value : whole;
    },
  );
  const url = passwordInUrl(expanded);
  if (url !== null && !url.password.includes("${")) context.secrets.add(url.password);
  return { text: expanded, isSecret, problems };
}

/**
 * Finds the places of secrets in a text by its references: files, and variables whose names or values look
 * like secrets.
 */
export function secretReferences(
  text: string,
  environment: VariableContext["environment"],
): readonly { readonly start: number; readonly length: number }[] {
  return [...text.matchAll(/\$\$\{|\$\{([^}]*)\}/g)].flatMap(({ 0: whole, 1: body, index }) => {
    if (body === undefined) return [];
    const name = /^\w*/.exec(body)?.[0] ?? "";
    const value = Object.hasOwn(environment, name) ? (environment[name] ?? "") : "";
    const isSecret = body.startsWith("file:") || looksSecret(name) || secretsInValue(value).length > 0;
    return isSecret ? [{ start: index, length: whole.length }] : [];
  });
}

/**
 * A default that should not be there still supplies a value, so that no further problem is reported for it.
 */
type Outcome = { readonly isSecret?: boolean } & (
  | { readonly value: string }
  | (Omit<VariableProblem, "span"> & { readonly value?: string })
);

const reference = /^([A-Za-z_][A-Za-z0-9_]*)(?::([-?])([\s\S]*))?$/;

function lookUp(body: string, context: VariableContext): Outcome {
  if (body.startsWith("file:")) return readSecretFile(body.slice("file:".length), context);
  const match = reference.exec(body);
  if (match === null) return malformed(body);
  const [, name = "", operator, operand = ""] = match;
  if (operand.includes("${"))
    return failed("a variable cannot stand inside another", "give the default as text");
  if (!isAllowed(context.environment, "NIGHTSHIFT_ENV_ALLOW", name))
    return failed(`\`${name}\` is not in NIGHTSHIFT_ENV_ALLOW`, "use a variable that the operator allows");
  const value = Object.hasOwn(context.environment, name) ? context.environment[name] : undefined;
  const missing = value === undefined || (operator !== undefined && value === "");
  if (!missing) {
    const inValue = secretsInValue(value);
    for (const secret of looksSecret(name) ? [value, ...inValue] : inValue) context.secrets.add(secret);
    return { value, isSecret: value !== "" && (looksSecret(name) || inValue.length > 0) };
  }
  if (operator === "-") return defaultOf(name, operand, context.secrets);
  if (operator === "?")
    return failed(`\`${name}\` is not set: ${operand || "it is required"}`, `set ${name}`);
  const near = didYouMean(closest(name, Object.keys(context.environment)));
  return failed(
    `the variable \`${name}\` is not set`,
    near ?? `set it, or give a default: \`\${${name}:-…}\``,
  );
}

function defaultOf(name: string, value: string, secrets: Secrets): Outcome {
  const inValue = secretsInValue(value);
  if (value === "" || (!looksSecret(name) && inValue.length === 0)) return { value };
  for (const secret of [value, ...inValue]) secrets.add(secret);
  return {
    value,
    code: "spec.literal-password",
    message: `the default of \`${name}\` is a secret written into the spec`,
    suggestion: `write \`\${${name}:?set it}\` or \`\${file:/run/secrets/…}\``,
  };
}

function readSecretFile(path: string, context: VariableContext): Outcome {
  if (path === "") return failed("`${file:}` names no file", "for example `${file:/run/secrets/token}`");
  const read = context.readFile(path);
  if ("failure" in read) return failed(read.failure, "check the path; it is relative to the spec");
  const value = read.text.replace(/\r?\n$/, "");
  context.secrets.add(value);
  return { value, isSecret: true };
}

function malformed(body: string): Outcome {
  const [, name, rest] = /^([A-Za-z_][A-Za-z0-9_]*)([-?])/.exec(body) ?? [];
  const suggestion =
    name === undefined
      ? "write `${NAME}`, `${NAME:-default}`, `${NAME:?message}` or `${file:path}`"
      : `did you mean \`\${${name}:${rest}${body.slice(name.length + 1)}}\`?`;
  return failed(`\`\${${body}}\` is not a variable`, suggestion);
}

/** Finds passwords in URLs that are neither a variable nor a file. */
function literalPasswords(text: string, secrets: Secrets): VariableProblem[] {
  const found = passwordInUrl(text);
  if (found === null || (found.password.includes("${") && !found.password.includes(":-"))) return [];
  secrets.add(found.password);
  return [
    {
      span: { start: found.start, end: found.end, text: found.password },
      code: "spec.literal-password",
      message: "a password is written into the spec",
      suggestion: "take it from the environment: `${DATABASE_URL}`",
    },
  ];
}

function failed(message: string, suggestion: string | null): Outcome {
  return { code: "spec.variable", message, suggestion };
}
