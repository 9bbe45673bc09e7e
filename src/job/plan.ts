/** The plan is data: made once, stored, never changed, readable before anything runs. */

import type { NullCount, Schema } from "../data/column.js";
import type { Signature } from "../data/tensor.js";
import { BugError } from "../errors.js";
import type { Mapping } from "../mapping/mapping.js";
import type { Job } from "./job.js";
import type { Partition, PartitionRef, PlanTotals } from "./partition.js";
import type { Profile } from "./profile.js";
import type { Run } from "./run.js";

/**
 * A file that shapes results, pinned by content. `categories` and `ids` are read by the mapping; of a hook, its bundle is
 * pinned; `check` is read by the planner alone.
 */
export interface Asset {
  readonly role: "model" | "external-data" | "categories" | "ids" | "check" | HookRole;
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
  /** Where this machine has its bytes, where that is not `path`. Set by a worker for itself; never kept. */
  readonly at?: string;
}

/** Assets that a partition needs: a check is over once the run is planned. */
export function assetsToRun({ assets }: Pick<Plan, "assets">): readonly Asset[] {
  return assets.filter(({ role }) => role !== "check");
}

/** The file to read an asset from. */
export function fileOf({ at, path }: Asset): string {
  return at ?? path;
}

export type HookRole = "pre-hook" | "post-hook";

/** What a hook does, as seen when the run was planned; its bundle is the asset of the same role. */
export interface PlannedHook {
  readonly role: HookRole;
  /** Columns that it may read. */
  readonly reads: readonly string[];
  /** Columns that it adds. Every chunk must add the same. */
  readonly adds: Schema;
}

/** What trying the model on rows of the input showed while the run was planned. */
export interface ModelProbe {
  /** Rows that were tried, and how many of them were variations of others, since the input has few or equal ones. */
  readonly rows: number;
  readonly varied: number;
  /** Rows of each model call, in their order. */
  readonly batches: readonly number[];
  /** What rows are to one another: see `planning/probing/probe-rows.ts`. */
  readonly verdict:
    | "independent"
    | "dependent"
    | "not-deterministic"
    | "one-at-a-time"
    | "frozen-batch"
    | "untried";
}

/** How the predictions of one column compare with the expected ones. */
export interface ComparedColumn {
  readonly column: string;
  /** Rows that were compared. */
  readonly rows: number;
  /** Rows that differ by more than the tolerance, or in their label. */
  readonly different: number;
  /** Rows with another label whose two best scores are within the tolerance of each other. */
  readonly ties: number;
  /** The largest difference of a number, divided by max(1, |expected|); `null`: a label. */
  readonly worst: number | null;
  /** Numbers of the first rows that differ, counted from 0. */
  readonly firstRows: readonly number[];
}

/** What comparing with the training library's predictions showed while the run was planned; its file is an asset. */
export interface PlannedCheck {
  readonly rows: number;
  readonly tolerance: number;
  readonly columns: readonly ComparedColumn[];
}

export interface Plan {
  /** 1: a plan of version 0.1, which has no digest. */
  readonly version: 1 | 2;
  readonly job: Job;
  /** SHA-256 over the resolved spec, assets and input identities; see `fingerprint` in the planner. */
  readonly fingerprint: string;
  /** SHA-256 over all else of the plan, by which a change of it is noticed; see `digestOf`. */
  readonly digest?: string;
  readonly assets: readonly Asset[];
  readonly signature: Signature;
  readonly inputSchema: Schema;
  readonly mapping: Mapping;
  /** In the order in which they run; none for most jobs. */
  readonly hooks: readonly PlannedHook[];
  readonly profile: Profile;
  /** Absent where nothing was tried: trees on our own kernel, an input without rows, plans of version 0.1. */
  readonly probe?: ModelProbe;
  /** Absent where the job has no check. */
  readonly check?: PlannedCheck;
  /** Threads that memory and cores allow. Not part of the fingerprint: it never shapes results. */
  readonly threads: number;
  readonly totals: PlanTotals;
  /**
   * Of feature columns that have nulls, or may have: by column as the job writes it, as footers count them. Absent: none,
   * not known, or a plan of an earlier version.
   */
  readonly nulls?: { readonly [column: string]: NullCount };
  /** What people should know before it runs: what was inferred, lowered, or looks odd. */
  readonly notes: readonly string[];
}

/** Everything that a worker needs for one partition; loaded from the ledger, never from a queue. */
export interface PartitionTask {
  readonly run: Run;
  readonly ref: PartitionRef;
  readonly plan: Plan;
  readonly partition: Partition;
}

/**
 * The partitions as they come, for a ledger that saves them.
 * @throws BugError `bug.plan` where they are not in the plan's order, or do not add up to its totals
 */
export async function* inPlanOrder(
  { totals }: Plan,
  partitions: AsyncIterable<Partition>,
): AsyncGenerator<Partition> {
  let count = 0;
  let rows = 0;
  for await (const partition of partitions) {
    if (partition.index !== count)
      throw contradiction(`partition ${partition.index} came where ${count} was due`);
    count += 1;
    rows += partition.rows;
    yield partition;
  }
  if (totals.partitions !== count)
    throw contradiction(`it promises ${totals.partitions} partitions and has ${count}`);
  if (totals.rows !== rows)
    throw contradiction(`it promises ${totals.rows} rows, its partitions have ${rows}`);
}

function contradiction(what: string): BugError {
  return new BugError("bug.plan", `the plan contradicts itself: ${what}`);
}
