import type { Schema } from "../../data/column.js";
import type { Signature } from "../../data/tensor.js";
import { SpecError } from "../../errors.js";
import type { InputSpec } from "../../job/input.js";
import type { Job } from "../../job/job.js";
import type { Mapping } from "../../mapping/mapping.js";
import { resolveMapping } from "../../mapping/resolve-mapping.js";
import { jobBetween, type ModelJobFlags, modelJob } from "../lookup/model-job.js";
import { names } from "../shell/options.js";
import type { Prompt } from "./prompt.js";

export interface MappingQuestion {
  readonly model: string;
  readonly input: InputSpec;
  readonly signature: Signature;
  readonly schema: Schema;
  readonly key: readonly string[];
  readonly features: readonly string[] | undefined;
  /** Take a guess without asking. */
  readonly acceptGuess: boolean;
}

export interface InferredMapping {
  readonly mapping: Mapping;
  /** A job that has it, and whether its features are a guess that was accepted. */
  readonly job: Job;
  readonly guess: boolean;
}

/**
 * Decides which columns feed which input, as `score` does. Where that fails on a terminal, the user names the columns; a
 * guess is offered, and Enter accepts it.
 * @throws SpecError `mapping.*`
 */
export async function inferMapping(
  question: MappingQuestion,
  prompt: Prompt | null,
): Promise<InferredMapping> {
  let { features, acceptGuess } = question;
  while (true) {
    try {
      return resolve({ ...question, features, acceptGuess });
    } catch (error) {
      if (prompt === null || !(error instanceof SpecError) || !isOpen(error)) throw error;
      const offered = guessIn(error);
      prompt.say(
        error.code === "mapping.unmatched" || offered !== null
          ? error.message
          : `  ${error.message}; ${error.hint ?? ""}`,
      );
      const columns = question.schema.map(({ name }) => name).filter((name) => !question.key.includes(name));
      const answer = await prompt.ask({
        text: "Columns that feed the model, in its order?",
        offered,
        candidates: columns,
      });
      if (answer === offered) acceptGuess = true;
      else features = names(answer);
    }
  }
}

/** The columns that a refused guess would take, as an answer. */
function guessIn({ code, details }: SpecError): string | null {
  return code === "mapping.guess" && Array.isArray(details.columns) ? details.columns.join(",") : null;
}

function resolve({
  model,
  input,
  signature,
  schema,
  key,
  features,
  acceptGuess,
}: MappingQuestion): InferredMapping {
  const flags: ModelJobFlags = { key, keep: "none", ...(features === undefined ? {} : { features }) };
  const { write } = modelJob(model, [], { to: "out", overwrite: false }, {}, "/");
  const job = jobBetween(model, { input, write }, flags, "/");
  const mapping = resolveMapping({ job, signature, schema, guess: acceptGuess ? true : "offer" });
  return { mapping, job, guess: acceptGuess };
}

/** Whether a list of columns could be the answer. */
function isOpen({ code }: SpecError): boolean {
  return [
    "mapping.guess",
    "mapping.unmatched",
    "mapping.unknown-column",
    "mapping.width",
    "mapping.several",
  ].includes(code);
}
