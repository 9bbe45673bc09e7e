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
