// biome-ignore-all lint/suspicious/noTemplateCurlyInString: `${…}` is part of the language of specs
import { stringify } from "yaml";
import { oneLine } from "../../text/visible-text.js";

/** A value on one line, as a person would write it; quoted where YAML 1.1 or 1.2 would read something else. */
export function flowYaml(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flowYaml).join(", ")}]`;
  if (typeof value !== "object" || value === null) return scalar(value);
  const entries = Object.entries(value).map(([key, inner]) => `${scalar(key)}: ${flowYaml(inner)}`);
  return entries.length === 0 ? "{}" : `{ ${entries.join(", ")} }`;
}

/** A comment that ends with its line, whatever the text holds. Every comment of a written spec goes through here. */
export function yamlComment(text: string): string {
  return `# ${oneLine(text)}`;
}

/** A value whose texts mean themselves: a spec that is read expands no variable and no template in them. */
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

/** What may stand in a flow collection may stand anywhere. */
function scalar(value: unknown): string {
  if (typeof value === "string" && needsEscapes.test(value)) return escaped(value);
  const list = stringify([value], { collectionStyle: "flow", lineWidth: 0, compat: "yaml-1.1" });
  return list.trim().replace(/^\[ ?| ?\]$/g, "");
}

/** In double quotes on one line. JSON leaves some characters as they are that end a line or change how it is read. */
function escaped(text: string): string {
  return JSON.stringify(text).replace(
    new RegExp(needsEscapes, "gu"),
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
