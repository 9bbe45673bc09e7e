import { z } from "zod";
import { columns, constant, text } from "./scalars.js";

export const write = z
  .strictObject({
    to: text.meta({
      description:
        "Directory to write to, relative to the spec; with the ending `.parquet`, one file. Created when it is missing.",
      examples: ["../out/flight-delay"],
    }),
    mode: z.enum(["error", "append", "replace"]).default("error").meta({
      description:
        "`error`: the target must not exist. `append`: an interval's rows are added, once; scoring it again replaces them. `replace`: a run replaces all that was there; with `intervals` and `partition_by`, only the partitions that it writes.",
    }),
    partition_by: columns.optional().meta({
      description: "Columns that become `column=value` directories instead of columns in the files.",
      examples: [["dt"]],
    }),
    add: z
      .record(z.string(), constant)
      .default({})
      .meta({
        description: "Constant columns. Here alone, `run.*` and `model.*` may be used in templates.",
        examples: [{ dt: "{{ ds }}", model_sha256: "{{ model.sha256 }}" }],
      }),
  })
  .meta({ description: "Where the predictions go, and how.", examples: [{ to: "../out/flight-delay" }] });
