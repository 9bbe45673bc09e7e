/** Long lists for people: how the inputs of a model are fed, of which wide models have dozens. */
import { counted } from "./human.js";

/** More lines than this are summarised. */
const mostLines = 6;

/**
 * Lines such as `age (float32 [N, 1]) from age: the column of the same name`; where there are many, those that end alike
 * become one: `80 inputs: the column of the same name`.
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
