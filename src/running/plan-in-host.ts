/** Lets a worker host make a plan, because opening the data or the model may crash the process. */
import { asNightshiftError, type NightshiftError } from "../errors.js";
import type { ModelTrial, PlanCall, WorkerHost } from "../host/host.js";
import type { Partition } from "../job/partition.js";
import { isKilledByRow, killerIn } from "../planning/killed-by-row.js";
import { neverReturned } from "../planning/never-returned.js";
import type { PlannedJob, PlanRequest } from "./run-request.js";

export interface PlanningParts {
  readonly cores: number;
  readonly memoryBytes: number;
  /** The host that plans; started when first needed. */
  readonly planningHost: () => WorkerHost;
}

/**
 * A host that another process killed while it planned is replaced up to this number of times; a crash that
 * the input causes is a DataError.
 */
const planningAttempts = 3;

/** A host that is asked to stop while it plans may continue for this long. No chunk of a run is lost. */
const stopMs = 1500;

export async function planInHost(
  request: PlanRequest,
  parts: PlanningParts,
  signal: AbortSignal,
): Promise<PlannedJob> {
  const partitions: Partition[] = [];
  let call: PlanCall = {
    job: request.job,
    guess: request.guess,
    cores: parts.cores,
    memoryBytes: parts.memoryBytes,
    tryLoad: request.tryLoad === true,
  };
  const onItem = (group: readonly Partition[]): void => void partitions.push(...group);
  for (let attempt = 1; ; attempt++) {
    try {
      const silenceMs = call.job.limits.partitionTimeoutMs;
      const options = { signal, stopMs, onItem, silenceMs };
      return { plan: await parts.planningHost().call("plan", call, options), partitions };
    } catch (error) {
      if (signal.aborted) throw error;
      const trial = nextTrial(call, asNightshiftError(error));
      if (trial !== null) {
        const killer = killerIn(asNightshiftError(error));
        call = { ...call, trial, ...(killer === null ? {} : { killer }) };
        partitions.length = 0;
        continue;
      }
      if (asNightshiftError(error).code === "infra.host-deadline")
        throw neverReturned("Planning", call.job, error);
      if (attempt === planningAttempts || asNightshiftError(error).code !== "infra.host-died") throw error;
      partitions.length = 0;
    }
  }
}

const trials: readonly ModelTrial[] = ["rows", "each", "ones", "zeros"];

/**
 * Returns what the model is tried on after it killed its host while predicting: a row is the cause unless the
 * model kills a host on every row. `null` if that was not the reason, if nothing is left to try, or if the
 * row belongs to the job's `check`, without which no run starts.
 */
function nextTrial({ trial = "rows", job }: PlanCall, error: NightshiftError): ModelTrial | null {
  if (!isKilledByRow(error)) return null;
  if (job.check !== undefined && killerIn(error)?.file === job.check.file) return null;
  return trials[trials.indexOf(trial) + 1] ?? null;
}
