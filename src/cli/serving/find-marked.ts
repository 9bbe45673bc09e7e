import { createHash } from "node:crypto";
import { SpecError } from "../../errors.js";
import type { RequestMark, Run } from "../../job/run.js";
import type { Ledger } from "../../ledgers/ledger.js";

/** How long a key stands for the run that was first asked for by it. */
const rememberedMs = 24 * 3_600_000;

export function markOf(key: string, job: string, request: object): RequestMark {
  return {
    key,
    digest: createHash("sha256")
      .update(JSON.stringify([job, sorted(request)]))
      .digest("hex"),
  };
}

/**
 * The run that was asked for by the same key.
 * @throws SpecError `api.key-reused` where that was another request
 */
export async function findMarked(
  ledger: Ledger,
  jobName: string,
  mark: RequestMark,
  now: Date,
): Promise<Run | null> {
  const since = new Date(now.getTime() - rememberedMs).toISOString();
  for await (const { run } of ledger.listRuns({ jobName, trigger: "api" })) {
    if (run.createdAt < since) return null;
    if (run.request?.key !== mark.key) continue;
    if (run.request.digest === mark.digest) return run;
    throw new SpecError("api.key-reused", `the Idempotency-Key was used for another request, run ${run.id}`, {
      hint: "Use a new key for a new request.",
    });
  }
  return null;
}

/** However the keys of an object were ordered. */
function sorted(value: unknown): unknown {
  if (value === null || typeof value !== "object") return value;
  return Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, item]) => [key, sorted(item)]);
}
