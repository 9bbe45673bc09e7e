/** What is said where planning or a preview had to be stopped: an author's code, or a model, may never return. */
import { asNightshiftError, ModelError, type NightshiftError, SpecError } from "../errors.js";
import type { Job } from "../job/job.js";

/** @param doing what was stopped, as a sentence begins: `Planning`, `The preview` */
export function neverReturned(
  doing: string,
  { hooks, model, limits }: Job,
  thrown: unknown,
): NightshiftError {
  const cause = asNightshiftError(thrown);
  const files = [hooks.pre, hooks.post].filter((file) => file !== null);
  const stopped = `${doing} was stopped after ${limits.partitionTimeoutMs / 1000} s`;
  if (files.length > 0)
    return new SpecError("hook.deadline", `${stopped}: ${files.join(" or ")} may never return.`, {
      hint: "Hooks are tried on the first rows while a run is planned: correct them, or raise limits.partition_timeout.",
      cause,
    });
  const { file } = cause.details;
  const open = typeof file === "string" ? `, or reading ${file} takes too long` : "";
  return new ModelError("model.deadline", `${stopped}: the model ${model.path} may never return${open}.`, {
    hint: "Try it with few rows in ONNX Runtime itself, or raise limits.partition_timeout.",
    details: { model: model.path, ...(typeof file === "string" ? { file } : {}) },
    cause,
  });
}
