/**
 * Claims a run for a process. The protocol, and the reason why two owners are harmless, are described in
 * journal-ledger.ts.
 */

import { isFinal, type Owner, type Run } from "../../job/run.js";
import type { AppendFile, FileSystem } from "../../stores/file-system.js";
import type { Clock } from "../../time/clock.js";
import { ownerAlive, ownerElsewhere, runEnded } from "../refusals.js";
import { applyRecord, type RunFold, startFold } from "./fold.js";
import {
  type History,
  historyStart,
  journalPath,
  readBatches,
  readHistory,
  type Segment,
} from "./history.js";
import { type JournalWriter, journalLine, journalWriter } from "./journal-writer.js";
import type { Processes } from "./processes.js";
import type { Honoured, JournalRecord } from "./records.js";
import { adopt, claim, release } from "./transitions.js";

export interface ClaimRequest {
  readonly run: Run;
  readonly directory: string;
  readonly owner: Owner;
  readonly takeOver: boolean;
}

export interface ClaimTools {
  readonly fileSystem: FileSystem;
  readonly clock: Clock;
  readonly processes: Processes;
  readonly uniqueName: () => string;
}

/** A claim that is in effect. */
export interface HeldRun {
  /** Number of the claim and of its journal. */
  readonly coordinatorEpoch: number;
  readonly directory: string;
  /** The run including all requested transitions. It may be ahead of the disk for a moment. */
  readonly fold: RunFold;
  readonly writer: JournalWriter;
  /** Closes the journal. After that this process may claim the run again. */
  close(): Promise<void>;
}

/**
 * Journals that this process writes to. The process stays alive when one of its ledgers stops after a full
 * disk, so only this set shows whether it still works on a run.
 */
const writtenHere = new Set<string>();

export async function claimJournal(request: ClaimRequest, tools: ClaimTools): Promise<HeldRun> {
  for (;;) {
    const held = await tryClaim(request, tools);
    // Another process was faster. Look again: most likely it is a live owner now, and the claim is refused.
    if (held !== "exists") return held;
  }
}

async function tryClaim(request: ClaimRequest, tools: ClaimTools): Promise<HeldRun | "exists"> {
  const { run, directory, owner } = request;
  const { fileSystem, clock } = tools;
  const before = await readHistory(fileSystem, directory);
  const { fold } = await foldHistory(fileSystem, run, before);
  const claimed = claim(fold, owner, clock.now().toISOString());
  refuseWhileOwned(request, tools.processes, before, fold);

  const coordinatorEpoch = before.newest + 1;
  const path = journalPath(directory, coordinatorEpoch);
  const isFirst = before.newest === 0;
  const firstRecords = isFirst ? [claimed, adopt(null, claimed.at)] : [claimed];
  const file = await linkJournal(tools, path, firstRecords);
  if (file === "exists") return "exists";
  try {
    await fileSystem.syncDirectory(directory);
    const adopted = isFirst
      ? { fold, previous: null }
      : await readWhatCounts(fileSystem, directory, run, coordinatorEpoch);
    const successorPath = journalPath(directory, coordinatorEpoch + 1);
    const record = adopt(adopted.previous, clock.now().toISOString());
    applyRecord(adopted.fold, claimed);
    applyRecord(adopted.fold, record);
    const writer = journalWriter({ fileSystem, runId: run.id, file, successorPath });
    await writer.append(isFirst ? [] : [record]);
    await refuseIfEnded(adopted.fold, writer, clock);
    return {
      coordinatorEpoch,
      directory,
      fold: adopted.fold,
      writer,
      async close() {
        await writer.close();
        writtenHere.delete(path);
      },
    };
  } catch (error) {
    await file.close().catch(() => undefined);
    writtenHere.delete(path);
    throw error;
  }
}

/**
 * The single step that decides between claimants: a finished, synced file gets its name, unless another
 * process's file has it.
 */
async function linkJournal(
  { fileSystem, uniqueName }: ClaimTools,
  path: string,
  records: readonly JournalRecord[],
): Promise<AppendFile | "exists"> {
  // Later write errors report this name, since the file stays open under it.
  const finished = `${path}.${uniqueName()}.tmp`;
  const file = await fileSystem.create(finished);
  try {
    await file.append(journalLine(records));
    await file.sync();
    const outcome = await fileSystem.link(finished, path);
    if (outcome === "linked") writtenHere.add(path);
    await fileSystem.unlink(finished);
    if (outcome === "linked") return file;
  } catch (error) {
    await file.close().catch(() => undefined);
    writtenHere.delete(path);
    throw error;
  }
  await file.close();
  return "exists";
}

function refuseWhileOwned(
  { run, directory, owner, takeOver }: ClaimRequest,
  processes: Processes,
  { newest, newestOwner }: History,
  fold: RunFold,
): void {
  if (newestOwner === null || fold.owner === null) return;
  const isOurs = isSameProcess(newestOwner, owner);
  const stillWritten = writtenHere.has(journalPath(directory, newest)) ? "alive" : "dead";
  const life = isOurs ? stillWritten : processes.isAlive(newestOwner);
  if (life === "alive") throw ownerAlive(run.id, newestOwner.pid);
  if (life === "other-host" && !takeOver) throw ownerElsewhere(run.id, newestOwner.pid, newestOwner.host);
}

function isSameProcess(a: Owner, b: Owner): boolean {
  return a.pid === b.pid && a.processStart === b.processStart && a.bootId === b.bootId && a.host === b.host;
}

/** The old owner may have ended the run just before the link. Then there is nothing to own. */
async function refuseIfEnded(fold: RunFold, writer: JournalWriter, clock: Clock): Promise<void> {
  if (!isFinal(fold)) return;
  await writer.append([release(clock.now().toISOString())]);
  throw runEnded(fold.run.id, fold.status);
}

/**
 * Reads the earlier journals after their owners can find this one, so that no transition confirmed from now
 * on is missed.
 */
async function readWhatCounts(
  fileSystem: FileSystem,
  directory: string,
  run: Run,
  coordinatorEpoch: number,
): Promise<{ readonly fold: RunFold; readonly previous: Honoured | null }> {
  const history = await readHistory(fileSystem, directory, coordinatorEpoch);
  return foldHistory(fileSystem, run, history);
}

/** Folds a history as it is now, and records what a claim based on it must honour. */
export async function foldHistory(
  fileSystem: FileSystem,
  run: Run,
  history: History,
): Promise<{ readonly fold: RunFold; readonly previous: Honoured | null }> {
  const fold = startFold(run);
  const head = history.segments.at(-1);
  let last: { readonly start: number; readonly records: readonly JournalRecord[] } | null = null;
  for await (const { records, segment, start } of readBatches(fileSystem, history, historyStart)) {
    for (const record of records) applyRecord(fold, record);
    if (segment === head) last = { start, records };
  }
  if (history.newestOwner !== null && history.newest !== head?.journal) fold.owner = history.newestOwner;
  return { fold, previous: honour(head, last) };
}

function honour(
  head: Segment | undefined,
  last: { readonly start: number; readonly records: readonly JournalRecord[] } | null,
): Honoured | null {
  if (head === undefined || last === null) return null;
  // A head that contains only its own claim adds nothing: the journal that it honoured is honoured instead.
  if (last.start < head.headBytes) return head.adopted.previous;
  return { journal: head.journal, bytes: last.start, tail: last.records };
}
