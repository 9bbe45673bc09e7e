/** Schemas of single values in the job spec, each with its own message. */
import { z } from "zod";
import { durationSyntax, sizeSyntax } from "../quantities.js";

/** A name of a column, tensor or file: any non-empty text. */
export const text = z.string().min(1, { error: "it is empty" });

export const column = text.meta({ description: "Name of a column." });

/** One string, or a list of them. */
export const oneOrMore = z.union([text, z.array(text).min(1, { error: "the list is empty" })]);

export const columns = z.array(column).min(1, { error: "the list is empty" });

export const positive = z.int().min(1, { error: "it has to be 1 or more" });

export const count = z.int().min(0, { error: "it has to be 0 or more" });

export const auto = z.literal("auto");

export const duration = z.string().regex(durationSyntax, {
  error: "a duration is a number with a unit: `90s`, `30m`, `2h`, `1d`, `1h30m`",
});

export const size = z.string().regex(sizeSyntax, {
  error: "a size is a number with a unit: `512MiB`, `2GiB`, `1.5GB`",
});

/** Beyond 2^53, YAML and JSON numbers lose digits before they can be checked. */
export const exactNumber = z
  .number()
  .refine((value) => !Number.isInteger(value) || Number.isSafeInteger(value), {
    error: "an integer of this size does not keep its digits",
    params: { suggestion: "quote it" },
  });

/** A constant that becomes a column of the output. */
export const constant = z.union([z.string(), exactNumber, z.boolean()]);
