/** The run profile: which provider and engine run the model, and what people should know of that. In the worker host. */
import { ModelError } from "../errors.js";
import type { Job } from "../job/job.js";
import { defaultWriterProfile, type Profile } from "../job/profile.js";
import type { Engine, EngineRefusal, InspectedModel, ModelRuntime } from "../runtimes/model.js";

export interface ChosenProfile {
  readonly profile: Profile;
  /** Which provider runs, where it is not the one that was preferred. */
  readonly notes: readonly string[];
}

/** @throws ModelError `model.provider-missing`, `model.engine-missing`, `model.engine-differs` */
export async function chooseProfile(
  job: Job,
  model: InspectedModel,
  runtime: ModelRuntime,
): Promise<ChosenProfile> {
  const { provider, passedOver } = await runtime.chooseProvider(job.providers);
  return {
    profile: profileOn(
      provider,
      chooseEngine(model, provider, job.engine),
      job.limits.batchRows ?? usualBatchRows,
    ),
    notes: passedOver.map(
      (missing) => `It runs on ${provider}: ${missing.provider} does not work here, ${missing.reason}.`,
    ),
  };
}

/**
 * Loads the model if the caller asks for it, and on every provider except the CPU, which may lack some of its
 * operators. @returns notes
 */
export async function tryLoad(
  { assets }: InspectedModel,
  profile: Profile,
  runtime: ModelRuntime,
  { wanted }: { readonly wanted: boolean },
): Promise<readonly string[]> {
  const { provider } = profile;
  if (!wanted && provider === "cpu") return [];
  const { partlyOnCpu } = await runtime.tryLoad(assets, profile);
  return partlyOnCpu
    ? [`Not all of the model runs on ${provider}: operators that it does not have run on the CPU.`]
    : [];
}

const usualBatchRows = 1024;

/** Constants for every machine, so that the same plan gives the same files everywhere. */
function profileOn(provider: string, engine: Engine, batchRows: number): Profile {
  return {
    engine: engine.name,
    engineVersion: engine.version,
    provider,
    intraOpThreads: 1,
    chunkRows: 65_536,
    batchRows,
    writer: defaultWriterProfile,
  };
}

/** The fastest engine, unless the job names one. Providers other than the CPU are the general engine's. */
function chooseEngine(
  { engines, refusals, assets }: InspectedModel,
  provider: string,
  wanted: Job["engine"],
): Engine {
  const usable = engines.filter(({ name }) => provider === "cpu" || name === "onnxruntime");
  const engine = wanted === "auto" ? usable[0] : usable.find(({ name }) => name === wanted);
  if (engine !== undefined) return engine;
  const refused = refusals.find((refusal) => wanted === "auto" || refusal.engine === wanted);
  if (refused !== undefined)
    throw new ModelError(
      "model.engine-differs",
      `${assets[0]?.path ?? "The model"} is not scored: ${refused.reason}`,
      { hint: hintFor(refused, engines), details: { engine: refused.engine } },
    );
  throw new ModelError(
    "model.engine-missing",
    `The engine ${wanted} can't run this model on ${provider}: it runs models that are one ensemble of trees on one float32 matrix, on the CPU.`,
    { hint: "Leave `engine` out: the fastest one that can is taken." },
  );
}

function hintFor({ hint }: EngineRefusal, others: readonly Engine[]): string {
  const [other] = others;
  return other === undefined ? hint : `Leave \`engine\` out: ${other.name} computes it. ${hint}`;
}
