import { z } from "zod";
import { providerNames } from "../../profile.js";

export const providers = z
  .array(z.enum(providerNames))
  .min(1, { error: "the list is empty" })
  .default(["cpu"])
  .meta({
    description:
      "Execution providers of ONNX Runtime in order of preference; the first one that works on the machine is used.",
    examples: [["webgpu", "cpu"]],
  });

export const engine = z
  .enum(["auto", "compiled-trees", "onnxruntime"])
  .default("auto")
  .meta({
    description:
      "What runs the model. `auto`: `compiled-trees` where the model is one ensemble of trees and runs on the CPU (several times faster), else `onnxruntime`, which runs every model.",
    examples: ["onnxruntime"],
  });
