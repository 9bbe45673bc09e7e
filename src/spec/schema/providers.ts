import { z } from "zod";

export const providers = z
  .array(z.enum(["cpu", "cuda", "tensorrt", "webgpu", "coreml", "dml", "qnn"]))
  .min(1, { error: "the list is empty" })
  .default(["cpu"])
  .meta({
    description:
      "Execution providers of ONNX Runtime in order of preference; the first one that the machine has is used.",
    examples: [["cuda", "cpu"]],
  });

export const engine = z
  .enum(["auto", "compiled-trees", "onnxruntime"])
  .default("auto")
  .meta({
    description:
      "What runs the model. `auto`: `compiled-trees` where the model is one ensemble of trees and runs on the CPU (several times faster), else `onnxruntime`, which runs every model.",
    examples: ["onnxruntime"],
  });
