/**
 * Finds the rows of a partition that kill its host, using one host for each death: each death halves the
 * remaining rows. The whole search is one attempt, which writes nothing before the rows are known. The ledger
 * sees neither the hosts nor the rows.
 */

import {
  asNightshiftError,
  InfraError,
  type JsonValue,
  ModelError,
  type NightshiftError,
} from "../../errors.js";
import type { RowSearch, RowsAtWork, SearchResult } from "../../host/host.js";
import type { PartitionTask } from "../../job/plan.js";
import type { StartedAttempt } from "../dispatcher.js";

/** Maximum number of different rows in a partition. Each takes about `log2(batch rows) + 2` hosts. */
const maxKillers = 16;

/** The model call in which a host died. */
interface DeadCall {
  readonly rows: RowsAtWork;
  /** Whether the host survived another model call before. */
  readonly survivedOthers: boolean;
}

/**
 * Searches for the rows if the partition's last host died in a model call of this partition while it ran
 * there alone.
 *
 * @param search sends a request to a living host, a new one if the last one died
 * @returns digests of the rows; empty if a search does not apply
 * @throws ModelError `model.kills-host` if there are too many such rows, or if the model survives no row;
 * InfraError `infra.host-died` if no single row is the cause
 */
export async function killersOf(
  { task, lastError }: StartedAttempt,
  alone: boolean,
  search: (known: RowSearch) => Promise<SearchResult>,
): Promise<readonly string[]> {
  const hint = lastError === null ? null : deadCallOf(lastError);
  // If rows influence one another, no single row is the cause.
  if (!alone || hint === null || task.plan.job.rows === "dependent") return [];
  let known: RowSearch = { fromRow: hint.rows.from, toRow: hint.rows.to, killers: [], madeUp: null };
  let hasSurvived = hint.survivedOthers;
  let death: NightshiftError | null = null;
  for (;;) {
    const outcome = await search(known).catch(asNightshiftError);
    if (outcome === "searched" || (outcome === "harmless" && death === null)) return known.killers;
    if (outcome === "harmless") throw death;
    const call = deadCallOf(outcome);
    if (call === null) throw outcome;
    death = withoutDigest(outcome);
    hasSurvived ||= call.survivedOthers;
    known = narrowed(known, call.rows, hasSurvived, task);
  }
}

/** Returns the request for the next host after one died of these rows. */
function narrowed(
  known: RowSearch,
  { from, to, digest }: RowsAtWork,
  hasSurvived: boolean,
  task: PartitionTask,
): RowSearch {
  const { killers } = known;
  if (from === to) {
    if (known.madeUp === "zeros") throw killsOnAnyRow(task);
    return { ...known, madeUp: "zeros" };
  }
  if (digest === null) return { fromRow: from, toRow: to, killers, madeUp: null };
  if (killers.length === maxKillers) throw killsOnTooMany(task);
  return {
    fromRow: from,
    toRow: null,
    killers: [...killers, digest],
    madeUp: hasSurvived ? null : "ones",
  };
}

function deadCallOf({ details }: Pick<NightshiftError, "details">): DeadCall | null {
  const { rowsAtWork, modelCalls } = details;
  if (!isObject(rowsAtWork)) return null;
  const { from, to, digest } = rowsAtWork;
  if (typeof from !== "number" || typeof to !== "number") return null;
  return {
    rows: { from, to, digest: typeof digest === "string" ? digest : null },
    survivedOthers: typeof modelCalls === "number" && modelCalls > 0,
  };
}

function isObject(value: JsonValue | undefined): value is { readonly [key: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Removes the digest of a row, because the ledger stores errors: the few features of a row could be guessed
 * from it.
 */
function withoutDigest({ code, message, hint, details }: NightshiftError): NightshiftError {
  const { rowsAtWork, ...others } = details;
  const rows = isObject(rowsAtWork) ? { ...rowsAtWork, digest: null } : null;
  return new InfraError(code, message, {
    ...(hint === undefined ? {} : { hint }),
    details: { ...others, rowsAtWork: rows },
  });
}

function killsOnAnyRow({ plan: { job } }: PartitionTask): ModelError {
  return new ModelError(
    "model.kills-host",
    `${job.model.path} crashes the engine on a row of the input, on a row of ones and on a row of zeros.`,
    {
      hint: "The model cannot be run by this version of ONNX Runtime: export it again, perhaps for another opset.",
      details: { model: job.model.path },
    },
  );
}

function killsOnTooMany({ plan: { job }, partition }: PartitionTask): ModelError {
  return new ModelError(
    "model.kills-host",
    `${job.model.path} crashes the engine on more than ${maxKillers} different rows of partition ${partition.index}.`,
    {
      hint: "Remove the rows that the model cannot process (a division of integers by zero, say), or export the model so that it checks for them.",
      details: { model: job.model.path, partition: partition.index },
    },
  );
}
