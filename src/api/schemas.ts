/** What goes over the wire. The same schemas check requests and make `schema/openapi.v1.json`. */
import { z } from "@hono/zod-openapi";
import { laneNames } from "../job/lane.js";
import { runStatuses } from "../job/run.js";

const instant = z.string().openapi({ format: "date-time", example: "2026-01-15T02:15:00.000Z" });
const jobName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/)
  .openapi({ example: "flight-delay" });
const runId = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,159}$/)
  .openapi({ example: "flight-delay-2026-01-14-1c2d3e4f-g1" });

export const problem = z
  .strictObject({
    status: z.int().openapi({ example: 404 }),
    title: z.string().openapi({ example: "Not Found" }),
    code: z.string().openapi({ description: "Stable, for machines.", example: "usage.unknown-run" }),
    detail: z.string().openapi({ description: "What happened, and where." }),
    hint: z.string().optional().openapi({ description: "What to do about it." }),
  })
  .openapi("Problem");

const told = z
  .strictObject({ code: z.string(), message: z.string(), hint: z.string().optional() })
  .openapi("Error");

export const readiness = z
  .strictObject({
    status: z.enum(["ready", "draining", "unready"]),
    ledger: z.enum(["ok", "unreachable"]),
    schedules: z.enum(["ok", "unreachable"]),
  })
  .openapi("Readiness");

export const health = z.strictObject({ status: z.literal("ok") }).openapi("Health");

export const job = z
  .strictObject({
    name: z.string(),
    spec: z.string().openapi({ description: "File of the spec." }),
    serves: z
      .enum(["current", "last-good", "nothing"])
      .openapi({ description: "`last-good`: the spec is broken, and goes on as it was before." }),
    error: told.nullable().openapi({ description: "Why the spec is broken." }),
    every: z.enum(["hour", "day", "week", "month"]).nullable().openapi({ description: "Of its intervals." }),
    schedule: z.strictObject({ cron: z.string(), timezone: z.string() }).nullable(),
    paused: z.boolean(),
    last: instant.nullable().openapi({ description: "When it was last published." }),
    next: instant.nullable().openapi({ description: "The next tick; none while it is paused." }),
    waiting: z
      .array(
        z.strictObject({
          tick: instant,
          status: z.enum(["waiting", "retrying"]),
          since: instant,
          until: instant.nullable().openapi({ description: "When waiting ends, and the tick fails." }),
          nextAt: instant.openapi({ description: "When it was to be looked at again, when this began." }),
          reason: told,
          attempts: z
            .array(z.strictObject({ at: instant, runId: z.string().nullable(), error: z.string() }))
            .openapi({ description: "Tries that failed, with the codes of their errors." }),
        }),
      )
      .openapi({ description: "Ticks that wait for their input, or for their next try." }),
    freshnessSeconds: z.number().nullable().openapi({
      description: "Since the end of the newest interval that is published; else since the last publication.",
    }),
  })
  .openapi("Job");

export const jobs = z.strictObject({ jobs: z.array(job) }).openapi("Jobs");

const runStatus = z.enum([...runStatuses, "interrupted", "rolled back", "unknown"]).openapi({
  description:
    "`created`: it may be waiting. `interrupted`: no process executes it; retry resumes it. `unknown`: it was published, but the output is unreachable, so a rollback may have hidden it.",
});

const rows = z.strictObject({
  read: z.int(),
  predicted: z.int(),
  quarantined: z.int(),
  filtered: z.int(),
});

export const run = z
  .strictObject({
    id: runId,
    job: z.string(),
    interval: z.strictObject({ start: instant, end: instant, ds: z.string() }).nullable(),
    generation: z.int(),
    vars: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).openapi({
      description: "Values of declared variables that it was given and that differ from the usual ones.",
    }),
    trigger: z.enum(["cli", "library", "backfill", "schedule", "api"]),
    status: runStatus,
    output: z.string(),
    rows: rows.openapi({ description: "Of accepted partitions." }),
    rowsPlanned: z.int().nullable().openapi({ description: "An estimate where the rows are in a database." }),
    publication: z.int().nullable(),
    error: told.nullable(),
    createdAt: instant,
    startedAt: instant,
    updatedAt: instant,
  })
  .openapi("Run");

export const runs = z
  .strictObject({
    runs: z.array(run),
    next: z.string().nullable().openapi({ description: "`cursor` of the next page." }),
  })
  .openapi("Runs");

const count = z.int().min(0);

// Spread, not extended: that would become two schemas of which each forbids the keys of the other.
export const runDetail = z
  .strictObject({
    ...run.shape,
    partitions: z.strictObject({
      pending: count,
      leased: count,
      running: count,
      accepted: count,
      failed: count,
      poisoned: count,
    }),
    reasons: z.record(z.string(), z.int()).openapi({ description: "Quarantined rows by reason." }),
    provider: z.string().nullable(),
  })
  .openapi("RunDetail");

export const start = z
  .strictObject({
    at: z.string().max(64).optional().openapi({
      description: "Any instant in the interval; the latest complete one without it.",
      example: "2026-01-14",
    }),
    vars: z
      .record(z.string().max(64), z.union([z.string().max(4096), z.number(), z.boolean()]))
      .optional()
      .openapi({
        description:
          "Values of {{ var.name }}, of the types that the job declares. In a path or a name a value is one plain step, unless the job's pattern allows more.",
        example: { region: "br" },
      }),
    reprocess: z.boolean().optional().openapi({ description: "Score again what is published." }),
    lane: z
      .enum(laneNames)
      .optional()
      .openapi({ description: "Where its partitions wait for workers; `scheduled` without it." }),
  })
  .openapi("Start");

export const started = z
  .strictObject({
    run: runId,
    outcome: z
      .enum(["recorded", "resumed", "running", "already-published"])
      .openapi({ description: "`resumed`: there was an unfinished run, which goes on." }),
    warnings: z.array(z.string()).optional().openapi({
      description:
        "Messages for display, for example that the interval is not over yet. Absent if there are none.",
    }),
  })
  .openapi("Started");

export const cancelled = z
  .strictObject({
    run: runId,
    outcome: z
      .enum(["cancelled", "already-cancelled", "published", "failed", "dropped", "not-stopped"])
      .openapi({
        description:
          "`not-stopped`: its owner was asked, and stops between chunks. Others: it had ended before.",
      }),
  })
  .openapi("Cancelled");

export const paused = z
  .strictObject({
    job: z.string(),
    paused: z.boolean(),
    changed: z.boolean().openapi({ description: "`false`: it was so already." }),
  })
  .openapi("Paused");

export const jobPath = z.object({ job: jobName });
export const runPath = z.object({ id: runId });

export const runsQuery = z.strictObject({
  job: jobName.optional(),
  status: z
    .enum(runStatuses)
    .optional()
    .openapi({ description: "As the ledger has it: an interrupted run is `running`." }),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: runId.optional(),
});

export const startHeaders = z.object({
  "idempotency-key": z
    .string()
    .regex(/^[\x21-\x7e]{1,128}$/)
    .optional()
    .openapi({ description: "The same request again within a day is answered with the same run." }),
});

export type JobView = z.infer<typeof job>;
export type RunView = z.infer<typeof run>;
export type RunDetail = z.infer<typeof runDetail>;
