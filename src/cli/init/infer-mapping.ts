import type { Schema } from "../../column.js";
import { SpecError } from "../../errors.js";
import type { Mapping } from "../../mapping.js";
import { resolveMapping } from "../../pipeline/resolve-mapping.js";
import type { Signature } from "../../tensor.js";
import { type ModelJobFlags, modelJob } from "../lookup/model-job.js";
import { names } from "../shell/options.js";
import type { Prompt } from "./prompt.js";

export interface MappingQuestion {
  readonly model: string;
  readonly signature: Signature;
  readonly schema: Schema;
  readonly key: readonly string[];
  readonly features: readonly string[] | undefined;
}

/**
 * Which columns feed which input, found as `score` finds them. Where that fails and somebody is there to ask, they name
 * the columns.
 * @throws SpecError `mapping.*`
 */
export async function inferMapping(question: MappingQuestion, prompt: Prompt | null): Promise<Mapping> {
  let features = question.features;
  while (true) {
    try {
      return resolve({ ...question, features });
    } catch (error) {
      if (prompt === null || !(error instanceof SpecError) || !isOpen(error)) throw error;
      prompt.say(
        error.code === "mapping.unmatched" ? error.message : `  ${error.message}; ${error.hint ?? ""}`,
      );
      const columns = question.schema.map(({ name }) => name).filter((name) => !question.key.includes(name));
      const answer = await prompt.ask({
        text: "Columns that feed the model, in its order?",
        offered: null,
        candidates: columns,
      });
      features = names(answer);
    }
  }
}

function resolve({ model, signature, schema, key, features }: MappingQuestion): Mapping {
  const flags: ModelJobFlags = { key, keep: "none", ...(features === undefined ? {} : { features }) };
  const job = modelJob(model, [], { to: "out", overwrite: false }, flags, "/");
  return resolveMapping({ job, signature, schema, guess: true });
}

/** Whether a list of columns could be the answer. */
function isOpen({ code }: SpecError): boolean {
  return ["mapping.unmatched", "mapping.unknown-column", "mapping.width", "mapping.several"].includes(code);
}
