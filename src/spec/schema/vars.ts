import { z } from "zod";
import { compiledPattern, valueOfVar } from "../var-value.js";
import { refuse } from "./refuse.js";
import { constant } from "./scalars.js";

const name = z.string().regex(/^[A-Za-z_][\w-]{0,63}$/, {
  error: "a variable's name is up to 64 letters, digits, `_` and `-`, and begins with a letter or `_`",
});

const declaration = z
  .strictObject({
    type: z.enum(["string", "integer", "number", "boolean", "date"]).default("string").meta({
      description: "Type of the value. A date is written as 2026-01-15.",
    }),
    pattern: z
      .string()
      .min(1, { error: "it is empty" })
      .max(512, { error: "it is longer than 512 characters" })
      .optional()
      .meta({
        description:
          "Regular expression of JavaScript that the whole of a `string` matches. A value that is used in a path or a name may hold `/` and glob characters, or begin with `.` or `-`, only if a pattern allows it.",
        examples: ["[a-z]{2}"],
      }),
    default: constant.optional().meta({
      description: "Value for runs that are not given one. Without it, such a run is refused.",
      examples: ["br"],
    }),
    description: z.string().optional().meta({ description: "For people." }),
  })
  .superRefine((value, context) => {
    const { type, pattern, default: fallback } = value;
    if (pattern !== undefined && type !== "string")
      return refuse(context, {
        key: "pattern",
        message: `only a \`string\` has a pattern, and this is \`${type}\``,
        suggestion: "remove it, or write `type: string`",
      });
    if (pattern !== undefined && compiledPattern(pattern) === null)
      return refuse(context, {
        key: "pattern",
        message: "it is not a regular expression",
        suggestion: "for example `[a-z]{2}`: it is compared with the whole value",
      });
    if (fallback === undefined) return;
    const checked = valueOfVar(value, fallback);
    if (checked.kind === "mistake")
      refuse(context, {
        key: "default",
        message: checked.message,
        suggestion: checked.suggestion ?? "change it, or the type or pattern",
      });
  });

export const vars = z.record(name, declaration).meta({
  description:
    "Variables of the job: `{{ var.name }}`. Values come from `--var name=value`, `vars` over HTTP, `schedule.vars`, or the target in nightshift.yaml.",
  examples: [{ region: { type: "string", pattern: "[a-z]{2}", default: "br" } }],
});

export type VarsSpec = z.output<typeof vars>;
