/**
 * The job spec, version 1. One schema provides the check when a spec is loaded, the types of `defineJob`, and
 * the JSON Schema for completion and validation in editors.
 */
import { z } from "zod";
import type { JsonValue } from "../errors.js";
import { check } from "./schema/check.js";
import { features } from "./schema/features.js";
import { hooks } from "./schema/hooks.js";
import { input } from "./schema/input.js";
import { intervals } from "./schema/intervals.js";
import { limits } from "./schema/limits.js";
import { model } from "./schema/model.js";
import { notify } from "./schema/notify.js";
import { outputs, passthrough } from "./schema/outputs.js";
import { engine, providers, rows, runsOn } from "./schema/providers.js";
import { schedule } from "./schema/schedule.js";
import { vars } from "./schema/vars.js";
import { write } from "./schema/write.js";

const name = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, {
    error: "a name has up to 64 letters, digits, `-`, `_` or `.`, and begins with a letter or digit",
  })
  .meta({
    description: "Name of the job. It identifies runs and publications: a new name is a new job.",
    examples: ["flight-delay"],
  });

export const jobSchema = z
  .strictObject({
    version: z.literal(1).meta({ description: "Version of this language.", examples: [1] }),
    name,
    vars: vars.optional(),
    model,
    input,
    features: features.optional(),
    outputs: outputs.default({}),
    passthrough: passthrough.optional(),
    pre: hooks.pre.optional(),
    post: hooks.post.optional(),
    check: check.optional(),
    write,
    intervals: intervals.optional(),
    after: z
      .array(name)
      .min(1, { error: "the list is empty" })
      .optional()
      .meta({
        description:
          "Other jobs of the same folder: a run starts when their intervals that share an instant with its own are published.",
        examples: [["features-nightly"]],
      }),
    schedule: schedule.optional(),
    notify: notify.optional(),
    limits: limits.prefault({}),
    rows,
    engine,
    providers,
    runs_on: runsOn.optional(),
  })
  .meta({ title: "Nightshift job", description: "A batch prediction job of Nightshift." });

/** A job as the user writes it, in YAML or in `defineJob`. */
export type JobSpecInput = z.input<typeof jobSchema>;

/** A job after validation: with defaults, without conversions. */
export type JobSpec = z.output<typeof jobSchema>;

/** A key that zod drops, since it is not an ordinary object key, and is replaced during validation. */
const unkept = "__proto__";
const standIn = "\u{E000}__proto__";

type ParsedJob =
  | { readonly success: true; readonly data: JobSpec }
  | { readonly success: false; readonly issues: readonly z.core.$ZodIssue[] };

/** Parses a job. An input, output, label or column may be named `__proto__`. */
export function parseJob(tree: JsonValue): ParsedJob {
  const parsed = jobSchema.safeParse(withKeys(tree, unkept, standIn));
  if (parsed.success) return { success: true, data: withKeys(parsed.data, standIn, unkept) };
  return { success: false, issues: parsed.error.issues.map(restored) };
}

/** Unions contain the issues of their branches. Their keys, too, are renamed back to what the user wrote. */
function restored<Issue extends z.core.$ZodIssue>(issue: Issue): Issue {
  const named = <Key>(key: Key): Key | string => (key === standIn ? unkept : key);
  return {
    ...issue,
    path: issue.path.map(named),
    ...(issue.code === "unrecognized_keys" ? { keys: issue.keys.map(named) } : {}),
    ...(issue.code === "invalid_union" ? { errors: issue.errors.map((branch) => branch.map(restored)) } : {}),
  };
}

/** Returns the tree with one key renamed at any depth, or the tree itself if it does not contain the key. */
function withKeys<T>(tree: T, from: string, to: string): T {
  if (typeof tree !== "object" || tree === null) return tree;
  if (Array.isArray(tree)) return tree.map((item) => withKeys(item, from, to)) as T;
  return Object.fromEntries(
    Object.entries(tree).map(([key, value]) => [key === from ? to : key, withKeys(value, from, to)]),
  ) as T;
}

/** Returns the published JSON Schema, draft-07, which editors' YAML servers support. */
export function jobJsonSchema(): object {
  return z.toJSONSchema(jobSchema, { io: "input", target: "draft-7" });
}
