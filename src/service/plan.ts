/** Plans and previews of a job, and plans that are kept in a file. */
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { asNightshiftError, InfraError, SpecError } from "../errors.js";
import type { HostCalls, Preview } from "../host/host.js";
import type { Job } from "../job/job.js";
import { isKilledByRow } from "../planning/killed-by-row.js";
import { neverReturned } from "../planning/never-returned.js";
import type { Standing } from "../running/choose-run.js";
import { refuseChangedPlan } from "../running/run-identity.js";
import type { PlannedJob } from "../running/run-request.js";
import type { Sink } from "../sinks/sink.js";
import type { App } from "./context.js";

export interface JobPlan {
  readonly planned: PlannedJob;
  /** The publication and the unfinished run that a run would find. */
  readonly standing: Standing;
  /** What publishing would do to the output. */
  readonly outlook: Awaited<ReturnType<Sink["outlook"]>>;
}

/** Plans a job without running it. Reads footers and the model only. */
export async function plan(app: App, job: Job, signal: AbortSignal): Promise<JobPlan> {
  const runner = await app.runner();
  const planned = await runner.plan({ job, guess: false }, signal);
  const sink = await app.sink(job.write);
  const outlook = await sink.outlook(job, planned.plan.mapping.columns);
  const standing = await runner.standing({ job, kind: "spec" }, planned.plan);
  return { planned, standing, outlook };
}

/** Scores the first rows of a job's input, or compares all predictions with a file. Publishes nothing. */
export async function preview(app: App, request: HostCalls["preview"]["request"]): Promise<Preview> {
  const deadlineMs = request.job.limits.partitionTimeoutMs;
  const ask = async (trial: "rows" | "each"): Promise<Preview> =>
    (await app.host()).call("preview", { ...request, trial }, { deadlineMs });
  return (
    ask("rows")
      // Row by row, another host dies of one row, and its error names it.
      .catch((thrown) => (isKilledByRow(asNightshiftError(thrown)) ? ask("each") : Promise.reject(thrown)))
      .catch((thrown) => {
        throw asNightshiftError(thrown).code === "infra.host-deadline"
          ? neverReturned("The preview", request.job, thrown)
          : thrown;
      })
  );
}

/** Writes a plan to a file, for {@link readPlanFile}. @throws InfraError `infra.permission` */
export async function savePlan(path: string, planned: PlannedJob): Promise<void> {
  const text = JSON.stringify({ ...planned, sha256: plannedDigest(planned) });
  try {
    await writeFile(path, `${text}\n`);
  } catch (cause) {
    throw new InfraError(
      "infra.permission",
      `${path} cannot be written: ${asNightshiftError(cause).message}`,
      {
        cause,
      },
    );
  }
}

/** Reads a plan as {@link savePlan} wrote it. @throws SpecError `usage.not-a-plan`, `usage.not-found` */
export async function readPlanFile(path: string): Promise<PlannedJob> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw new SpecError("usage.not-found", `${path} cannot be read`, {
      cause,
      hint: "Make it with `nightshift plan <job> --out plan.json`.",
    });
  }
  const value: unknown = parseJson(text);
  if (isPlannedJob(value)) {
    refuseEdited(value, path);
    return value;
  }
  throw new SpecError("usage.not-a-plan", `${path} is not a plan of this version of Nightshift`, {
    hint: "Make it with `nightshift plan <job> --out plan.json`.",
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/**
 * Notices a plan that was edited or damaged. A plan is trusted as much as a spec: who edits it on purpose can compute its
 * digest anew. Plans of earlier versions have none.
 */
function refuseEdited(value: PlannedJob & { readonly sha256?: unknown }, path: string): void {
  const { sha256, ...planned } = value;
  refuseChangedPlan(planned.plan);
  if (sha256 === undefined || sha256 === plannedDigest(planned)) return;
  throw new SpecError("refused.plan-changed", `${path} was changed after it was made`, {
    hint: "Plan again: nightshift plan <job> --out plan.json.",
  });
}

/** Digest of a plan and its partitions, as `plan --out` keeps it beside them. */
function plannedDigest(planned: PlannedJob): string {
  return createHash("sha256").update(JSON.stringify(planned)).digest("hex");
}

/** Looks at the outside only. */
function isPlannedJob(value: unknown): value is PlannedJob {
  if (typeof value !== "object" || value === null || !("plan" in value) || !("partitions" in value))
    return false;
  const { plan, partitions } = value;
  return (
    typeof plan === "object" &&
    plan !== null &&
    "version" in plan &&
    (plan.version === 1 || plan.version === 2) &&
    Array.isArray(partitions)
  );
}
