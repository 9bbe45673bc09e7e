import { z } from "zod";
import { auto, count, duration, positive, size } from "./scalars.js";

export const limits = z
  .strictObject({
    threads: z
      .union([positive, auto])
      .default("auto")
      .meta({
        description: "Threads that score; `auto`: as many as cores and memory allow.",
        examples: [4],
      }),
    partition_rows: z
      .union([positive, auto])
      .default("auto")
      .meta({
        description: "Rows of a partition, the unit of retry; rounded to row groups.",
        examples: [500_000],
      }),
    batch_rows: positive.optional().meta({
      description: "Rows of one model call; 1,024 unless given. `rows: dependent` needs it.",
      examples: [256],
    }),
    max_attempts: z
      .int()
      .min(1, { error: "it has to be 1 or more" })
      .max(100, { error: "it has to be 100 or less" })
      .default(3)
      .meta({
        description: "Number of attempts at a partition before the run fails.",
        examples: [3],
      }),
    partition_timeout: duration.default("30m").meta({
      description: "Time that a partition may take before its process is killed.",
      examples: ["30m"],
    }),
    memory: z
      .union([auto, size])
      .default("auto")
      .meta({
        description: "Maximum size of decoded data in all threads together.",
        examples: ["2GiB"],
      }),
    on_row_error: z.enum(["fail", "quarantine", "emit_null"]).default("fail").meta({
      description:
        "What happens to a row that cannot be scored: the run fails, the row is put aside, or its predictions are null.",
    }),
    max_error_rows: count.optional().meta({
      description: "The run fails if more rows than this cannot be scored.",
      examples: [100],
    }),
    max_error_fraction: z
      .number()
      .min(0, { error: "it has to be a fraction from 0 to 1" })
      .max(1, { error: "it has to be a fraction from 0 to 1" })
      .optional()
      .meta({
        description: "The run fails if a larger share of rows than this cannot be scored.",
        examples: [0.001],
      }),
  })
  .meta({ description: "Resources of a run, and its tolerance for rows that cannot be scored." });
