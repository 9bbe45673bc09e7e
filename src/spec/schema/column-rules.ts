/** The rules of one column that feeds a model. */
import { z } from "zod";
import type { TensorType } from "../../data/tensor.js";
import type { TimePart } from "../../mapping/mapping.js";
import { closest } from "../../text/closest-word.js";
import { didYouMean } from "../did-you-mean.js";
import { refuse } from "./refuse.js";
import { exactNumber, text } from "./scalars.js";
import { timezone } from "./timezone.js";

const timeParts = [
  "year",
  "quarter",
  "month",
  "week",
  "day",
  "doy",
  "dow",
  "hour",
  "minute",
  "second",
] as const satisfies readonly TimePart[];

const tensorTypes = [
  "float32",
  "float64",
  "float16",
  "int8",
  "int16",
  "int32",
  "int64",
  "uint8",
  "uint16",
  "uint32",
  "uint64",
  "bool",
  "string",
] as const satisfies readonly TensorType[];

const nullRules = ["nan", "error", "reject"] as const;

/** Any string may be a replacement for nulls, so a misspelt rule must be distinguished from one. */
const nullRuleOrText = z.string().superRefine((text, context) => {
  const near = closest(text, nullRules);
  if (near === null || near === text) return;
  const suggestion = didYouMean(near);
  context.addIssue({
    code: "custom",
    message: `\`${text}\` is not a rule for nulls`,
    params: { suggestion },
  });
});

export const rules = {
  nulls: z.union([nullRuleOrText, exactNumber, z.boolean()]).optional().meta({
    description:
      "What a null becomes: `nan` (floats, the default there), `error` (the row fails under `on_row_error`; the default elsewhere), `reject` (the row is always quarantined), or a value.",
  }),
  cast: z.literal("lossy").optional().meta({
    description:
      "`lossy` truncates fractions if an integer is required; without it a number that is not whole fails its row. Numbers that are out of range fail their rows either way.",
  }),
  dtype: z
    .enum(tensorTypes)
    .optional()
    .meta({
      description:
        "A type that values are converted to before they go into the input, such as the one that the model was trained with. `string` writes integers as text.",
      examples: ["float32"],
    }),
};

const map = z
  .strictObject({
    file: text.meta({
      description:
        "JSON object of values and numbers, JSON array of values, or CSV with a header (values, numbers), relative to the spec. Pinned by SHA-256 when a run is planned.",
      examples: ["../models/origins.json"],
    }),
    unknown: exactNumber.optional().meta({
      description: "Number of a value that the file does not have. Without it, such a row fails.",
      examples: [0],
    }),
  })
  .meta({
    description: "Turns categories (text, integers, booleans) into the numbers that a file gives them.",
    examples: [{ file: "../models/origins.json", unknown: 0 }],
  });

export const ofColumn = {
  part: z.enum(timeParts).optional().meta({
    description: "A calendar field of a date or timestamp, as a number. `dow`: Monday is 0.",
  }),
  timezone: timezone.optional().meta({
    description: "IANA zone that `part` is taken in. Without it: the column's own, or UTC where it has none.",
    examples: ["America/Sao_Paulo"],
  }),
  map: map.optional(),
};

type Rules = { readonly [key in "part" | "timezone" | "map" | "cast" | "dtype"]?: unknown };

/** Checks the relations between the rules of a column. */
export function checkColumn(value: Rules, context: z.RefinementCtx): void {
  if (value.timezone !== undefined && value.part === undefined) {
    const message = "`timezone` means nothing without `part`";
    refuse(context, { key: "timezone", message, suggestion: "add `part`, or remove it" });
  }
  checkMap(value, context);
}

export function checkMap(value: Rules, context: z.RefinementCtx): void {
  if (value.map === undefined) return;
  for (const key of ["part", "cast", "dtype"] as const)
    if (value[key] !== undefined) {
      const message = `\`${key}\` means nothing with \`map\`, which gives the numbers itself`;
      refuse(context, { key, message, suggestion: "keep one of the two" });
    }
}
