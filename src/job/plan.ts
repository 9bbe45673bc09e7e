/** The plan is data: made once, stored, never changed, and readable before anything runs. */

import type { NullCount, Schema } from "../data/column.js";
import type { Signature } from "../data/tensor.js";
import { BugError } from "../errors.js";
import type { Mapping } from "../mapping/mapping.js";
import type { Job } from "./job.js";
import type { Partition, PartitionRef, PlanTotals } from "./partition.js";
import type { Profile } from "./profile.js";
import type { Run } from "./run.js";

/**
 * A file that affects results, pinned by content. The mapping reads `categories` and `ids`; for a hook, its
 * bundle is pinned; only the planner reads `check`.
 */
export interface Asset {
  readonly role: "model" | "external-data" | "categories" | "ids" | "check" | HookRole;
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
  /** Path of its bytes on this machine, if that is not `path`. Set by a worker for itself; never stored. */
  readonly at?: string;
}

/** Returns the assets that a partition needs: a check is only used while the run is planned. */
export function assetsToRun({ assets }: Pick<Plan, "assets">): readonly Asset[] {
  return assets.filter(({ role }) => role !== "check");
}

/** The file to read an asset from. */
export function fileOf({ at, path }: Asset): string {
  return at ?? path;
}

export type HookRole = "pre-hook" | "post-hook";

/**
 * The properties of a hook as determined when the run was planned; its bundle is the asset of the same role.
 */
export interface PlannedHook {
  readonly role: HookRole;
  /** Columns that it may read. */
  readonly reads: readonly string[];
  /** Columns that it adds. Every chunk must add the same. */
  readonly adds: Schema;
}

/** Result of trying the model on rows of the input while the run was planned. */
export interface ModelProbe {
  /**
   * Number of rows that were tried, and how many of them were variations of others, because the input has few
   * or equal rows.
   */
  readonly rows: number;
  readonly varied: number;
  /** Number of rows in each model call, in order. */
  readonly batches: readonly number[];
  /** Whether rows influence one another: see `planning/probing/probe-rows.ts`. */
  readonly verdict:
    | "independent"
    | "dependent"
    | "not-deterministic"
    | "one-at-a-time"
    | "frozen-batch"
    | "untried";
}

/** Result of comparing the predictions of one column with the expected ones. */
export interface ComparedColumn {
  readonly column: string;
  /** Rows that were compared. */
  readonly rows: number;
  /** Rows that differ by more than the tolerance, or in their label. */
  readonly different: number;
  /** Rows with another label whose two best scores differ by less than the tolerance. */
  readonly ties: number;
  /** The largest difference of a number, divided by max(1, |expected|); `null`: a label. */
  readonly worst: number | null;
  /** Numbers of the first rows that differ, counted from 0. */
  readonly firstRows: readonly number[];
}

/**
 * Result of comparing with the training library's predictions while the run was planned; its file is an
 * asset.
 */
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
  /** SHA-256 over the rest of the plan, to detect changes; see `digestOf`. */
  readonly digest?: string;
  readonly assets: readonly Asset[];
  readonly signature: Signature;
  readonly inputSchema: Schema;
  readonly mapping: Mapping;
  /** In execution order; none for most jobs. */
  readonly hooks: readonly PlannedHook[];
  readonly profile: Profile;
  /**
   * Absent if nothing was tried: trees on the compiled kernel, an input without rows, plans of version 0.1.
   */
  readonly probe?: ModelProbe;
  /** Absent if the job has no check. */
  readonly check?: PlannedCheck;
  /**
   * Number of threads that memory and cores allow. Not part of the fingerprint, since it never affects
   * results.
   */
  readonly threads: number;
  readonly totals: PlanTotals;
  /**
   * Null counts of feature columns that have nulls, or may have: by column as the job writes it, as footers
   * count them. Absent: none, unknown, or a plan of an earlier version.
   */
  readonly nulls?: { readonly [column: string]: NullCount };
  /** Notes for the user before it runs: what was derived, reduced, or looks unusual. */
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
 * Passes partitions on to a ledger that saves them, and checks them.
 * @throws BugError `bug.plan` if they are not in the plan's order, or do not match its totals
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
