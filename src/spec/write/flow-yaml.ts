import { stringify } from "yaml";

/** A value on one line, as a person would write it; quoted where YAML 1.1 or 1.2 would read something else. */
export function flowYaml(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flowYaml).join(", ")}]`;
  if (typeof value !== "object" || value === null) return scalar(value);
  const entries = Object.entries(value).map(([key, inner]) => `${scalar(key)}: ${flowYaml(inner)}`);
  return entries.length === 0 ? "{}" : `{ ${entries.join(", ")} }`;
}

/** What may stand in a flow collection may stand anywhere. */
function scalar(value: unknown): string {
  const list = stringify([value], { collectionStyle: "flow", lineWidth: 0, compat: "yaml-1.1" });
  return list.trim().replace(/^\[ ?| ?\]$/g, "");
}
