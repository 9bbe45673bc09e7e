/** Finds the part of a zod schema at a path of a spec, for its known keys and its examples. */
import { z } from "zod";
import type { SpecPath } from "../job/spec-problem.js";

type Schema = z.core.$ZodType;

/** Returns the keys that a mapping at this path may have; empty if they are not restricted. */
export function knownKeys(root: Schema, path: SpecPath): readonly string[] {
  const keys = candidatesAt(root, path).flatMap((schema) => {
    const def = definition(schema);
    return def.type === "object" ? Object.keys(def.shape) : [];
  });
  return [...new Set(keys)];
}

/** Returns an example of a value at this path, or `undefined`. */
export function exampleAt(root: Schema, path: SpecPath): unknown {
  for (const schema of walk([root], path)) {
    for (let inner: Schema | null = schema; inner !== null; inner = unwrap(inner)) {
      const examples = z.globalRegistry.get(inner)?.examples;
      if (Array.isArray(examples) && examples.length > 0) return examples[0];
    }
  }
  return undefined;
}

/** Returns every schema that may apply to a value at this path, without wrappers and unions. */
function candidatesAt(root: Schema, path: SpecPath): readonly Schema[] {
  return walk([root], path).flatMap(alternatives);
}

function walk(schemas: readonly Schema[], path: SpecPath): readonly Schema[] {
  return path.reduce(
    (level, step) => level.flatMap(alternatives).flatMap((schema) => childOf(schema, step)),
    schemas,
  );
}

function childOf(schema: Schema, step: string | number): readonly Schema[] {
  const def = definition(schema);
  if (def.type === "object") {
    const child = Object.hasOwn(def.shape, step) ? def.shape[String(step)] : undefined;
    return child === undefined ? [] : [child];
  }
  if (def.type === "record") return [def.valueType];
  if (def.type === "array") return [def.element];
  return [];
}

function alternatives(schema: Schema): readonly Schema[] {
  const inner = unwrap(schema);
  if (inner !== null) return alternatives(inner);
  const def = definition(schema);
  return def.type === "union" ? def.options.flatMap(alternatives) : [schema];
}

function unwrap(schema: Schema): Schema | null {
  const def = definition(schema);
  switch (def.type) {
    case "optional":
    case "default":
    case "prefault":
      return def.innerType;
    default:
      return null;
  }
}

function definition(schema: Schema): z.core.$ZodTypes["_zod"]["def"] {
  return (schema as z.core.$ZodTypes)._zod.def;
}
