import { z } from "zod";
import type { TimePart } from "../../mapping.js";
import { closest, didYouMean } from "../did-you-mean.js";
import { refuse } from "./refuse.js";
import { column, exactNumber, positive } from "./scalars.js";
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

const nullRules = ["nan", "error", "reject"] as const;

/** Any string is a value for nulls, so a misspelt rule has to be told from one. */
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

const rules = {
  nulls: z.union([nullRuleOrText, exactNumber, z.boolean()]).optional().meta({
    description:
      "What a null becomes: `nan` (floats, the default there), `error` (the row fails under `on_row_error`; the default elsewhere), `reject` (the row is always quarantined), or a value.",
  }),
  cast: z.literal("lossy").optional().meta({
    description: "`lossy` allows a conversion that may lose digits, such as float64 to int32.",
  }),
};

const ofColumn = {
  part: z.enum(timeParts).optional().meta({
    description: "A calendar field of a date or timestamp, as a number. `dow`: Monday is 0.",
  }),
  timezone: timezone.optional().meta({
    description: "IANA zone that `part` is taken in. Without it: UTC.",
    examples: ["America/Sao_Paulo"],
  }),
};

interface Timed {
  readonly part?: unknown;
  readonly timezone?: unknown;
}

function checkTimezone(value: Timed, context: z.RefinementCtx): void {
  if (value.timezone === undefined || value.part !== undefined) return;
  const message = "`timezone` means nothing without `part`";
  refuse(context, { key: "timezone", message, suggestion: "add `part`, or remove it" });
}

const element = z
  .union([column, z.strictObject({ column, ...ofColumn, ...rules }).superRefine(checkTimezone)])
  .meta({ description: "A column, or a column with its rules." });

const mapping = z
  .strictObject({
    column: column.optional().meta({ description: "The one column that fills this input." }),
    ...ofColumn,
    stack: z
      .array(element)
      .min(1, { error: "the list is empty" })
      .optional()
      .meta({
        description: "Columns that are put side by side into one tensor, in this order.",
        examples: [["distance", { column: "date", part: "hour" }]],
      }),
    list: column.optional().meta({ description: "A list column whose elements fill the tensor." }),
    dim: positive.optional().meta({ description: "Elements that every list must have." }),
    ...rules,
  })
  .superRefine((value, context) => {
    const kinds = (["column", "stack", "list"] as const).filter((kind) => value[kind] !== undefined);
    const [kind, second] = kinds;
    const meaningless = (key: string, suggestion: string): void =>
      refuse(context, { key, message: `\`${key}\` means nothing with \`${kind}\``, suggestion });
    if (kind === undefined) {
      const message = "it does not say which columns feed this input";
      refuse(context, { message, suggestion: "add `column`, `stack` or `list`" });
    } else if (second !== undefined) {
      const message = `\`${kind}\` and \`${second}\` exclude each other`;
      refuse(context, { key: second, message, suggestion: "keep one of the two" });
    } else {
      if (value.dim !== undefined && kind !== "list") meaningless("dim", "use it with `list`, or remove it");
      if (kind === "column") return checkTimezone(value, context);
      const way = kind === "stack" ? "put it into an element of `stack`" : "remove it";
      for (const key of ["part", "timezone"] as const) if (value[key] !== undefined) meaningless(key, way);
    }
  });

export const features = z
  .record(
    z.string(),
    z.union([column, mapping]).meta({
      description: "How one input of the model is filled: a column's name, or a mapping.",
      examples: [{ column: "origin" }],
    }),
  )
  .meta({
    description:
      "How columns feed the model, by input. Optional where the columns are named like the inputs.",
    examples: [{ float_input: { stack: ["distance", "hour"] } }],
  });
