import { z } from "zod";
import { text } from "./scalars.js";

const path = text.meta({
  description: "Path of an ONNX model, relative to the spec. Pinned by SHA-256 when a run is planned.",
  examples: ["../models/flight-delay.onnx"],
});

export const model = z
  .union([
    path,
    z.strictObject({
      path,
      external_data: z
        .array(text)
        .default([])
        .meta({
          description:
            "Files beside the model that it may load weights from, relative to the spec. Anything not listed is refused.",
          examples: [["../models/large.onnx.data"]],
        }),
    }),
  ])
  .meta({
    description: "The ONNX model: its path, or its path with the external data files that belong to it.",
    examples: ["../models/flight-delay.onnx"],
  });
