// biome-ignore-all lint/suspicious/noTemplateCurlyInString: `${…}` is part of the language of specs
import { stringify } from "yaml";
import { oneLine } from "../../text/visible-text.js";

/** Formats a value on one line of YAML; quoted if YAML 1.1 or 1.2 would read something else. */
export function flowYaml(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flowYaml).join(", ")}]`;
  if (typeof value !== "object" || value === null) return scalar(value);
  const entries = Object.entries(value).map(([key, inner]) => `${scalar(key)}: ${flowYaml(inner)}`);
  return entries.length === 0 ? "{}" : `{ ${entries.join(", ")} }`;
}

/**
 * Formats a comment that ends with its line, regardless of its text. Every comment of a generated spec is
 * made here.
 */
export function yamlComment(text: string): string {
  return `# ${oneLine(text)}`;
}

/** Escapes texts so that they are read literally, without expansion of variables and templates. */
export function literalValue(value: unknown): unknown {
  if (typeof value === "string") return literalText(value);
  if (Array.isArray(value)) return value.map(literalValue);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, literalValue(inner)]));
}

function literalText(text: string): string {
  return text.replaceAll("{{", '{{ "{{" }}').replaceAll("${", () => "$${");
}

const needsEscapes = /[\p{Cc}\p{Cs}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/u;

/** Formats a scalar for a flow collection, which is valid everywhere else too. */
function scalar(value: unknown): string {
  if (typeof value === "string" && needsEscapes.test(value)) return escaped(value);
  const list = stringify([value], { collectionStyle: "flow", lineWidth: 0, compat: "yaml-1.1" });
  return list.trim().replace(/^\[ ?| ?\]$/g, "");
}

/**
 * Formats text in double quotes on one line. JSON does not escape some characters that end a line or change
 * how it is read.
 */
function escaped(text: string): string {
  return JSON.stringify(text).replace(
    new RegExp(needsEscapes, "gu"),
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
