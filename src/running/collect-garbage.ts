/**
 * Removes what nobody can reach: staging of decided and of superseded runs, copies of inputs, assets. What cannot be
 * judged, since a journal is damaged or a database is another one now, is reported and left alone.
 */
import type { CollectedBlobStore } from "../assets/blob-store.js";
import { asNightshiftError, type ErrorRecord, fromErrorRecord, type NightshiftError } from "../errors.js";
import { describeInput, type InputSpec, inputKind } from "../job/input.js";
import { targetOf, type WriteSpec } from "../job/output.js";
import { isFinal, type Owner, type Run } from "../job/run.js";
import type { Ledger } from "../ledgers/ledger.js";
import type { Collected, Sink } from "../sinks/sink.js";
import type { InputKeeper } from "../sources/source.js";
import { drop } from "./choose-run.js";
import { supersededRuns } from "./superseded-runs.js";

export interface GarbageParts {
  readonly ledger: Ledger;
  readonly self: Owner;
  readonly sink: (write: WriteSpec) => Promise<Sink>;
  readonly keeper: (input: InputSpec) => Promise<InputKeeper | null>;
  /** `null` where the ledger keeps none. */
  readonly assets: CollectedBlobStore | null;
}

/** What a place was freed of. */
export type CollectedFrom = Collected & { readonly place: CollectedPlace };

export type CollectedPlace =
  | { readonly kind: "output"; readonly write: WriteSpec }
  | { readonly kind: "copies" | "assets"; readonly name: string };

export interface Garbage {
  readonly collected: readonly CollectedFrom[];
  /** What could not be judged, and why. */
  readonly skipped: readonly { readonly what: string; readonly error: NightshiftError }[];
}

export async function collectGarbage(parts: GarbageParts, dryRun: boolean): Promise<Garbage> {
  const { ledger } = parts;
  const collected: CollectedFrom[] = [];
  const skipped: { what: string; error: NightshiftError }[] = [];
  async function orSkip(what: string, work: () => Promise<CollectedFrom | null>): Promise<void> {
    try {
      const found = await work();
      if (found !== null) collected.push(found);
    } catch (thrown) {
      skipped.push({ what, error: asNightshiftError(thrown) });
    }
  }

  for (const { run, error } of await damagedRuns(ledger))
    skipped.push({ what: `run ${run.id}`, error: fromErrorRecord(error) });
  for (const write of await outputsOf(ledger))
    await orSkip(targetOf(write), async () => ({
      place: { kind: "output", write },
      ...(await collectOutput(write, parts, dryRun)),
    }));
  for (const { input, over } of await keptInputsOf(ledger)) {
    const name = `copies of ${describeInput(input)}`;
    await orSkip(name, async () => {
      const found = await (await parts.keeper(input))?.collect(over, dryRun);
      if (found === undefined || found.removed.length === 0) return null;
      return { place: { kind: "copies", name }, ...found };
    });
  }
  await orSkip("assets", async () => {
    const found = parts.assets === null ? [] : await parts.assets.collect(dryRun);
    if (found.length === 0) return null;
    const removed = found.map(({ sha256 }) => sha256);
    const bytes = found.reduce((sum, each) => sum + each.bytes, 0);
    return { place: { kind: "assets", name: `assets in ${ledger.place}` }, removed, bytes };
  });
  return { collected, skipped };
}

/** Superseded runs are given up first: the sink decides that nobody publishes them later, and drops what they staged. */
async function collectOutput(
  write: WriteSpec,
  { ledger, self, sink: open }: GarbageParts,
  dryRun: boolean,
): Promise<Collected> {
  const sink = await open(write);
  const live = () => liveAttempts(ledger, write);
  const superseded = await supersededRuns(ledger, write);
  if (dryRun) return sink.collect(live, true, new Set(superseded.map(({ id }) => id)));
  const given = { removed: [] as string[], bytes: 0 };
  for (const run of superseded) {
    const before = await sink.collect(live, true);
    const after = await sink.collect(live, true, new Set([run.id]));
    if (!(await isGivenUp(run, { ledger, self }, sink))) continue;
    given.removed.push(...after.removed.filter((path) => !before.removed.includes(path)));
    given.bytes += after.bytes - before.bytes;
  }
  const { removed, bytes } = await sink.collect(live, false);
  return { removed: [...given.removed, ...removed], bytes: given.bytes + bytes };
}

/** @returns `false` where another process works on the run */
async function isGivenUp(
  run: Run,
  books: Pick<GarbageParts, "ledger" | "self">,
  sink: Sink,
): Promise<boolean> {
  try {
    return (await drop(books, sink, run, false)) === "dropped";
  } catch (thrown) {
    if (asNightshiftError(thrown).code === "refused.owner-alive") return false;
    throw thrown;
  }
}

function isDamaged(error: ErrorRecord | null): error is ErrorRecord {
  return error?.code === "infra.journal-corrupt" || error?.code === "infra.journal-version";
}

async function damagedRuns(
  ledger: Ledger,
): Promise<readonly { readonly run: Run; readonly error: ErrorRecord }[]> {
  const damaged: { run: Run; error: ErrorRecord }[] = [];
  for await (const { run, error } of ledger.listRuns()) if (isDamaged(error)) damaged.push({ run, error });
  return damaged;
}

/** Every output that a recorded run wrote to, each once. */
async function outputsOf(ledger: Ledger): Promise<readonly WriteSpec[]> {
  const byTarget = new Map<string, WriteSpec>();
  for await (const { run } of ledger.listRuns()) {
    const { write } = run.job;
    if (!byTarget.has(targetOf(write))) byTarget.set(targetOf(write), write);
  }
  return [...byTarget.values()];
}

/** Runs that are over and may have left a copy of their input, by the place of the copies. */
async function keptInputsOf(
  ledger: Ledger,
): Promise<readonly { readonly input: InputSpec; readonly over: readonly Run[] }[]> {
  const byDatabase = new Map<string, { readonly input: InputSpec; readonly over: Run[] }>();
  for await (const state of ledger.listRuns()) {
    const { run } = state;
    const { input } = run.job;
    const key = inputKind(input).copiesIn(input);
    if (key === null || !isFinal(state)) continue;
    const found = byDatabase.get(key);
    if (found === undefined) byDatabase.set(key, { input, over: [run] });
    else found.over.push(run);
  }
  return [...byDatabase.values()];
}

/** Attempts of undecided runs that were accepted or may still be. Of a damaged run none is known: its staging stays. */
async function liveAttempts(ledger: Ledger, write: WriteSpec): Promise<ReadonlySet<string>> {
  const live = new Set<string>();
  for await (const state of ledger.listRuns()) {
    const { run, error } = state;
    if (targetOf(run.job.write) !== targetOf(write) || isFinal(state)) continue;
    if (isDamaged(error)) continue;
    for await (const { attemptId } of ledger.listPartitions(run.id))
      if (attemptId !== null) live.add(attemptId);
  }
  return live;
}
