/** One pass over all runs of a ledger: what garbage collection needs to know of them. */
import type { ErrorRecord } from "../errors.js";
import { type InputSpec, inputKind } from "../job/input.js";
import { targetOf, type WriteSpec } from "../job/output.js";
import { isActive, isFinal, type Run, type RunState, type RunStatus } from "../job/run.js";
import type { Ledger } from "../ledgers/ledger.js";
import { type PublishedRun, replacesAll } from "./superseded-runs.js";

/** Runs that wrote or will write to one output. */
export interface RecordedOutput {
  readonly write: WriteSpec;
  readonly published: PublishedRun[];
  readonly unfinished: RunState[];
}

/** An ended run with what retention needs to know of it. */
export interface EndedRun {
  readonly id: string;
  readonly jobId: string;
  readonly status: RunStatus;
  readonly write: WriteSpec;
  /** Start of its interval; empty without one. */
  readonly start: string;
  readonly updatedAt: string;
}

export interface RecordedRuns {
  readonly outputs: readonly RecordedOutput[];
  /** Runs whose journals cannot be read. */
  readonly damaged: readonly { readonly run: Run; readonly error: ErrorRecord }[];
  /** Runs that are over and may have left a copy of their input, by the place of the copies. */
  readonly copies: readonly { readonly input: InputSpec; readonly over: Run[] }[];
  /** Newest first. */
  readonly ended: readonly EndedRun[];
  /** Id of the newest run; `null` if there is none. */
  readonly newest: string | null;
}

export async function readRecordedRuns(ledger: Pick<Ledger, "listRuns">): Promise<RecordedRuns> {
  const outputs = new Map<string, RecordedOutput>();
  const copies = new Map<string, { readonly input: InputSpec; readonly over: Run[] }>();
  const damaged: { run: Run; error: ErrorRecord }[] = [];
  const ended: EndedRun[] = [];
  let newest: string | null = null;
  for await (const state of ledger.listRuns()) {
    const { run, error, status } = state;
    newest ??= run.id;
    const { write, input } = run.job;
    const output = outputs.get(targetOf(write)) ?? { write, published: [], unfinished: [] };
    outputs.set(targetOf(write), output);
    if (isDamaged(error)) damaged.push({ run, error });
    if (status === "published")
      output.published.push({ key: run.key, createdAt: run.createdAt, replacesAll: replacesAll(run) });
    else if (status !== "dropped") output.unfinished.push(state);
    if (!isActive(state) && !isDamaged(error)) ended.push(endedRun(state));
    const key = inputKind(input).copiesIn(input);
    if (key !== null && isFinal(state)) {
      const found = copies.get(key) ?? { input, over: [] };
      copies.set(key, found);
      found.over.push(run);
    }
  }
  return { outputs: [...outputs.values()], damaged, copies: [...copies.values()], ended, newest };
}

/**
 * Attempts of undecided runs of an output that were accepted or may still be, as of now: of runs that were unfinished at
 * the pass, and of runs that came since. Of a damaged run no attempt is known: its staging stays.
 */
export async function liveAttempts(
  ledger: Pick<Ledger, "listRuns" | "readRun" | "listPartitions">,
  { newest }: Pick<RecordedRuns, "newest">,
  { write, unfinished }: RecordedOutput,
): Promise<ReadonlySet<string>> {
  const states: RunState[] = [];
  for await (const state of ledger.listRuns()) {
    if (state.run.id === newest) break;
    if (targetOf(state.run.job.write) === targetOf(write)) states.push(state);
  }
  for (const { run, error } of unfinished) {
    if (isDamaged(error)) continue;
    const state = await ledger.readRun(run.id);
    if (state !== null) states.push(state);
  }
  const live = new Set<string>();
  for (const state of states) {
    if (isFinal(state) || isDamaged(state.error)) continue;
    for await (const { attemptId } of ledger.listPartitions(state.run.id))
      if (attemptId !== null) live.add(attemptId);
  }
  return live;
}

function isDamaged(error: ErrorRecord | null): error is ErrorRecord {
  return error?.code === "infra.journal-corrupt" || error?.code === "infra.journal-version";
}

function endedRun({ run, status, updatedAt }: RunState): EndedRun {
  const { id, key, interval } = run;
  const { write } = run.job;
  return { id, jobId: key.jobId, status, write, start: interval?.start ?? "", updatedAt };
}
