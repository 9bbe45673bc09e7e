import { z } from "zod";
import { usualTolerance } from "../../job/job.js";
import { text } from "./scalars.js";

const file = text.meta({
  description:
    "Parquet file with rows and the training library's predictions of them, relative to the spec. Pinned by SHA-256 when a run is planned.",
  examples: ["../models/flight-delay.check.parquet"],
});

/** Predictions that a run must reproduce. */
export const check = z
  .union([
    file,
    z.strictObject({
      file,
      tolerance: z
        .number()
        .min(0, { error: "it has to be 0 or more" })
        .max(1, { error: "it has to be 1 or less" })
        .default(usualTolerance)
        .meta({
          description: "A number may differ by this times max(1, |expected|). Labels must be equal.",
          examples: [1e-4],
        }),
    }),
  ])
  .meta({
    description:
      "Rows with the training library's own predictions: a run is planned only if its predictions of them are the same.",
    examples: ["../models/flight-delay.check.parquet"],
  });
