/**
 * Removes what no reader and no run can reach: staging of decided and of superseded runs, copies of inputs, assets; and
 * runs that are past their retention. What cannot be judged, because a journal is damaged or a database is another one
 * now, is reported and left alone.
 */
import type { CollectedBlobStore } from "../assets/blob-store.js";
import { asNightshiftError, fromErrorRecord, type NightshiftError } from "../errors.js";
import { describeInput, type InputSpec } from "../job/input.js";
import { targetOf, type WriteSpec } from "../job/output.js";
import { isFinal, type Owner, type Run } from "../job/run.js";
import type { Ledger } from "../ledgers/ledger.js";
import type { Collected, Sink } from "../sinks/sink.js";
import type { InputKeeper } from "../sources/source.js";
import type { Clock } from "../time/clock.js";
import { drop } from "./choose-run.js";
import { expiredRuns } from "./expired-runs.js";
import {
  type EndedRun,
  liveAttempts,
  type RecordedOutput,
  type RecordedRuns,
  readRecordedRuns,
} from "./recorded-runs.js";
import { supersededRuns } from "./superseded-runs.js";

export interface GarbageParts {
  readonly ledger: Ledger;
  readonly self: Owner;
  readonly sink: (write: WriteSpec) => Promise<Sink>;
  readonly keeper: (input: InputSpec) => Promise<InputKeeper | null>;
  /** `null` if the ledger stores no assets. */
  readonly assets: CollectedBlobStore | null;
  readonly clock: Clock;
  /** Runs that ended longer ago are forgotten; `null`: none. */
  readonly keepRunsMs: number | null;
}

/** What was removed from a place. */
export type CollectedFrom = Collected & { readonly place: CollectedPlace };

export type CollectedPlace =
  | { readonly kind: "output"; readonly write: WriteSpec }
  | { readonly kind: "copies" | "assets"; readonly name: string };

export interface Garbage {
  readonly collected: readonly CollectedFrom[];
  /** Data that could not be assessed, with the reason. */
  readonly skipped: readonly { readonly what: string; readonly error: NightshiftError }[];
  /** Ids of the runs that retention removed from the ledger. */
  readonly forgotten: readonly string[];
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

  const runs = await readRecordedRuns(ledger);
  const expired =
    parts.keepRunsMs === null
      ? []
      : expiredRuns(runs.ended, new Date(parts.clock.now().getTime() - parts.keepRunsMs));
  const forgotten = new Set(expired.filter(isFinal).map(({ id }) => id));
  for (const { run, error } of runs.damaged)
    skipped.push({ what: `run ${run.id}`, error: fromErrorRecord(error) });
  for (const output of runs.outputs)
    await orSkip(targetOf(output.write), async () => {
      const { dropped, ...found } = await collectOutput(output, runs, expired, parts, dryRun);
      for (const { id } of expired) if (dropped.includes(id)) forgotten.add(id);
      return { place: { kind: "output", write: output.write }, ...found };
    });
  for (const { input, over } of runs.copies) {
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
  if (!dryRun && forgotten.size > 0) await ledger.forgetRuns([...forgotten]);
  return { collected, skipped, forgotten: [...forgotten] };
}

/**
 * Superseded and expired runs are given up first: the sink records that they can never be published, and drops what they
 * staged.
 */
async function collectOutput(
  output: RecordedOutput,
  runs: RecordedRuns,
  expired: readonly EndedRun[],
  { ledger, self, sink: open }: GarbageParts,
  dryRun: boolean,
): Promise<Collected & { readonly dropped: readonly string[] }> {
  const sink = await open(output.write);
  const live = () => liveAttempts(ledger, runs, output);
  const ids = new Set(expired.map(({ id }) => id));
  const superseded = supersededRuns(output.unfinished, output.published).map(({ id }) => id);
  const given = output.unfinished
    .map(({ run }) => run)
    .filter(({ id }) => superseded.includes(id) || ids.has(id));
  const dropped = given.map(({ id }) => id);
  if (dryRun) return { ...(await sink.collect(live, true, new Set(dropped))), dropped };
  const found = { removed: [] as string[], bytes: 0, dropped: [] as string[] };
  for (const run of given) {
    const before = await sink.collect(live, true);
    const after = await sink.collect(live, true, new Set([run.id]));
    if (!(await isGivenUp(run, { ledger, self }, sink))) continue;
    found.dropped.push(run.id);
    found.removed.push(...after.removed.filter((path) => !before.removed.includes(path)));
    found.bytes += after.bytes - before.bytes;
  }
  const { removed, bytes } = await sink.collect(live, false);
  return { ...found, removed: [...found.removed, ...removed], bytes: found.bytes + bytes };
}

/** @returns `false` if another process executes the run */
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
