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
      "Whether rows influence one another's predictions. `independent`: a model whose predictions for a row depend on its batch is refused. `dependent`: rows are scored in batches of `limits.batch_rows`, in input order.",
    examples: ["dependent"],
  });

export const runsOn = z
  .string()
  .regex(tagSyntax, {
    error: "a tag has up to 32 small letters, digits, `-` or `_`, and begins with a letter or digit",
  })
  .meta({
    description:
      "Tag of the workers that run the job over a queue: those started with it in `--tags`. Defaults to `cpu`, the default tag of workers.",
    examples: ["gpu"],
  });
