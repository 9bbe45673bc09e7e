/**
 * Names runs: the same request always results in the same key, so that two coordinators find the same run.
 */
import { createHash } from "node:crypto";
import { SpecError } from "../errors.js";
import { type InputSpec, inputKind } from "../job/input.js";
import type { Job, Limits } from "../job/job.js";
import { outputKind, targetOf, type WriteSpec } from "../job/output.js";
import { type Asset, assetsToRun, type Plan } from "../job/plan.js";
import type { Run, RunKey } from "../job/run.js";
import { canonicalJson } from "../text/canonical-json.js";
import type { RunRequest } from "./run-request.js";

/**
 * The target is part of a job's identity: the same spec with another output is another job. So are given
 * values of variables: the same interval for two regions is two runs.
 */
export function jobIdOf(job: Job, kind: "spec" | "score"): string {
  const target = targetOf(job.write);
  const vars = job.vars === undefined ? "" : `\n${canonicalJson(job.vars)}`;
  const identity = kind === "score" ? target : `${job.name}\n${target}${vars}`;
  return `${slug(job.name)}-${sha256(identity).slice(0, 12)}`;
}

/** The interval's start, or the fingerprint for a job without intervals. */
export function scopeOf(job: Job, fingerprint: string): string {
  return job.interval === null ? fingerprint : job.interval.start;
}

/** Readable, safe in paths, and a function of the key. */
export function runIdOf(job: Job, key: RunKey): string {
  const label = job.interval === null ? key.scope.slice(0, 8) : slug(job.interval.ds);
  const digest = sha256(`${key.jobId}\n${key.scope}`).slice(0, 8);
  return `${slug(job.name)}-${label}-${digest}-g${key.generation}`;
}

export function newRun(request: RunRequest, key: RunKey, now: Date): Run {
  const { job, specPath, trigger, guess, mark, lane } = request;
  return {
    id: runIdOf(job, key),
    key,
    jobName: job.name,
    specPath,
    target: targetOf(job.write),
    trigger,
    ...(mark === undefined ? {} : { request: mark }),
    ...(lane === undefined ? {} : { lane }),
    interval: job.interval,
    job,
    guess: guess === true,
    createdAt: now.toISOString(),
  };
}

/**
 * Collects what a run's results depend on: the resolved spec (with `run.*` unexpanded), assets by content,
 * inputs by identity. Threads, sizes, attempts, timeouts and workers are not included, because they do not
 * affect predictions, except that the sizes of batches and partitions do if rows are dependent.
 */
export function fingerprintOf(job: Job, assets: readonly Asset[], inputs: string): string {
  const { limits, model: _model, hooks: _hooks, runsOn: _runsOn, input, write, check, ...rest } = job;
  return sha256(
    canonicalJson({
      job: {
        ...rest,
        ...shapedByBatches(job.rows, limits),
        ...(check === undefined ? {} : { check: { tolerance: check.tolerance } }),
        input: shapedByInput(input),
        write: shapedByWrite(write),
      },
      assets: assets.map((asset) => ({ role: asset.role, sha256: asset.sha256 })),
      inputs,
    }),
  );
}

function shapedByBatches(rows: Job["rows"], { batchRows, partitionRows }: Limits): object {
  return rows === "dependent" ? { batches: { batchRows, partitionRows } } : {};
}

/**
 * Digest of the whole plan: job, mapping, hooks, profile, assets by content. The paths of assets are not
 * included, since each worker has its own copies.
 */
export function digestOf(plan: Plan): string {
  const { digest: _, ...rest } = plan;
  const assets = assetsToRun(plan).map(({ role, sha256 }) => ({ role, sha256 }));
  return sha256(canonicalJson({ ...rest, assets }));
}

/**
 * Refuses a plan that was edited in a file or in a ledger. A changed plan with a recomputed digest, or one
 * that looks like version 0.1, is not detected: write access to plans is trusted as much as specs are.
 *
 * @throws SpecError `refused.plan-changed`
 */
export function refuseChangedPlan(plan: Plan): void {
  if (plan.version === 1 && plan.digest === undefined) return;
  if (plan.digest === digestOf(plan)) return;
  throw new SpecError("refused.plan-changed", `the plan of ${plan.job.name} was changed after it was made`, {
    hint: "Plan again: nightshift plan <job>.",
  });
}

function shapedByInput(input: InputSpec): object {
  const { key, onEmpty } = input;
  return { key, onEmpty, ...inputKind(input).identity(input) };
}

function shapedByWrite(write: WriteSpec): object {
  const { partitionBy, add } = write;
  return { partitionBy, add, ...outputKind(write).identity(write) };
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function slug(text: string): string {
  const safe = text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "");
  return safe === "" ? "job" : safe.slice(0, 60);
}
