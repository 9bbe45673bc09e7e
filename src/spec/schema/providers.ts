import { z } from "zod";
import { tagSyntax } from "../../job/lane.js";
import { providerNames } from "../../job/profile.js";

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

export const rows = z
  .enum(["independent", "dependent"])
  .default("independent")
  .meta({
    description:
      "What rows are to one another. `independent`: a model that gives a row other numbers in another batch is refused. `dependent`: it is scored in batches of `limits.batch_rows`, in input order.",
    examples: ["dependent"],
  });

export const runsOn = z
  .string()
  .regex(tagSyntax, {
    error: "a tag has up to 32 small letters, digits, `-` or `_`, and begins with a letter or digit",
  })
  .meta({
    description:
      "Tag of the workers that can do it, over a queue: those started with it in `--tags`. Without it: `cpu`, which workers have that are told no tags.",
    examples: ["gpu"],
  });
