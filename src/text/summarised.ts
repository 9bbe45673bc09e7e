/** Summarises long lists for display. Wide models have dozens of inputs, and most are fed in the same way. */
import { counted } from "./human.js";

/** A longer list is summarised. */
const mostLines = 6;

/**
 * Summarises lines such as `age (float32 [N, 1]) from age: the column of the same name`. If there are many,
 * lines with the same ending become one: `80 inputs: the column of the same name`.
 */
export function summarised(found: readonly string[]): readonly string[] {
  if (found.length <= mostLines) return found;
  const ways = new Map<string, string[]>();
  for (const line of found) {
    const how = line.slice(line.lastIndexOf(": ") + 2);
    ways.set(how, [...(ways.get(how) ?? []), line]);
  }
  return [...ways].flatMap(([how, lines]) =>
    lines.length <= 2 ? lines : [`${counted(lines.length, "input")} of the model: ${how}`],
  );
}
