/** Asks a worker host for a plan: it opens the data and the model, and may die of them. */
import { asNightshiftError } from "../errors.js";
import type { WorkerHost } from "../host.js";
import type { Partition } from "../partition.js";
import { neverReturned } from "../planning/never-returned.js";
import type { PlannedJob, PlanRequest } from "./run-request.js";

export interface PlanningParts {
  readonly cores: number;
  readonly memoryBytes: number;
  /** The host that plans; started when first needed. */
  readonly planningHost: () => WorkerHost;
}

/** A host that somebody killed while it planned is replaced this often; what kills it by itself is a DataError. */
const planningAttempts = 3;

export async function planInHost(
  request: PlanRequest,
  parts: PlanningParts,
  signal: AbortSignal,
): Promise<PlannedJob> {
  const partitions: Partition[] = [];
  const call = {
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
      const options = { signal, onItem, silenceMs };
      return { plan: await parts.planningHost().call("plan", call, options), partitions };
    } catch (error) {
      if (asNightshiftError(error).code === "infra.host-deadline")
        throw neverReturned("Planning", call.job, error);
      if (attempt === planningAttempts || asNightshiftError(error).code !== "infra.host-died") throw error;
      partitions.length = 0;
    }
  }
}
