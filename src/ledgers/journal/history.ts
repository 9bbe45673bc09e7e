/**
 * Reads the journals of one run as one sequence of records.
 *
 * Journal n belongs to claim n. The newest journal that contains an `adopted` record is the head. This record
 * names the previous valid journal and how much of it is valid, and so on back to the first. Journals outside
 * this chain belong to claims that never took effect, and everything behind the honoured bytes of a journal
 * is void.
 */

import type { Owner } from "../../job/run.js";
import type { FileSystem } from "../../stores/file-system.js";
import { corrupt, futureVersion } from "./journal-errors.js";
import type { LineBody } from "./line.js";
import { toRecords } from "./parse-records.js";
import { lineNumber, readLines } from "./read-lines.js";
import type { Adopted, JournalRecord } from "./records.js";

export interface History {
  /** Oldest first. The last one is the head, and its end is open. */
  readonly segments: readonly Segment[];
  /** Highest journal number; 0 if there is none. */
  readonly newest: number;
  /** Owner of the newest claim, whether or not that claim is in effect. */
  readonly newestOwner: Owner | null;
}

/** The valid part of one journal. */
export interface Segment {
  readonly journal: number;
  readonly path: string;
  readonly adopted: Adopted;
  /** End of the `claimed` and `adopted` records. */
  readonly headBytes: number;
  /** `null`: the whole journal is valid. */
  readonly honoured: { readonly bytes: number; readonly tail: readonly JournalRecord[] } | null;
}

/** A position in a history; everything before it has been read. */
export interface Position {
  readonly journal: number;
  readonly offset: number;
}

export const historyStart: Position = { journal: 0, offset: 0 };

export interface Batch {
  readonly records: readonly JournalRecord[];
  readonly segment: Segment;
  /** Offset of the line in the segment's file. */
  readonly start: number;
  /** Position from which to continue. */
  readonly next: Position;
}

export function journalPath(directory: string, journal: number): string {
  return `${directory}/journal.${journal}.ndjson`;
}

/** @param before excludes the journals from this number on; a claimant passes its own number */
export async function readHistory(
  fileSystem: FileSystem,
  directory: string,
  before = Number.POSITIVE_INFINITY,
): Promise<History> {
  const numbers = await journalNumbers(fileSystem, directory, before);
  const newest = numbers.at(-1) ?? 0;
  if (newest === 0) return { segments: [], newest: 0, newestOwner: null };
  const newestOwner = (await readHead(fileSystem, directory, newest)).owner;
  for (const journal of numbers.reverse()) {
    const { adopted, headBytes } = await readHead(fileSystem, directory, journal);
    if (adopted === null) continue;
    const head: Segment = {
      journal,
      path: journalPath(directory, journal),
      adopted,
      headBytes,
      honoured: null,
    };
    return { segments: await chain(fileSystem, directory, head), newest, newestOwner };
  }
  return { segments: [], newest, newestOwner };
}

async function chain(fileSystem: FileSystem, directory: string, head: Segment): Promise<readonly Segment[]> {
  const segments = [head];
  for (let { previous } = head.adopted; previous !== null; ) {
    const { journal, bytes, tail } = previous;
    const path = journalPath(directory, journal);
    const { adopted, headBytes } = await readHead(fileSystem, directory, journal);
    if (adopted === null) throw corrupt(path, 2, "the record that makes this journal valid is missing");
    segments.unshift({ journal, path, adopted, headBytes, honoured: { bytes, tail } });
    previous = adopted.previous;
  }
  return segments;
}

async function journalNumbers(fileSystem: FileSystem, directory: string, before: number): Promise<number[]> {
  const names = (await fileSystem.list(directory)) ?? [];
  return names
    .flatMap((name) => /^journal\.([1-9]\d*)\.ndjson$/.exec(name)?.[1] ?? [])
    .map(Number)
    .filter((journal) => journal < before)
    .sort((a, b) => a - b);
}

interface Head {
  readonly owner: Owner;
  /** `null`: the claim is not in effect yet, or never was. */
  readonly adopted: Adopted | null;
  readonly headBytes: number;
}

/**
 * A journal is linked with its `claimed` record; the `adopted` record follows immediately, later or never.
 */
async function readHead(fileSystem: FileSystem, directory: string, journal: number): Promise<Head> {
  const path = journalPath(directory, journal);
  let owner: Owner | null = null;
  for await (const line of readLines(fileSystem, path, { start: 0, end: null })) {
    for (const record of await recordsOf(fileSystem, path, line.start, line.body)) {
      if (record.type === "claimed" && owner === null) owner = record.owner;
      else if (record.type === "adopted" && owner !== null)
        return { owner, adopted: record, headBytes: line.end };
      else throw corrupt(path, 1, `it begins with a record of type "${record.type}"`);
    }
  }
  if (owner === null) throw corrupt(path, 1, "the record that claims the run is missing");
  return { owner, adopted: null, headBytes: 0 };
}

/** Yields the records from a position on, one line at a time, up to the present end of the head. */
export async function* readBatches(
  fileSystem: FileSystem,
  history: History,
  from: Position = historyStart,
): AsyncGenerator<Batch> {
  for (const segment of history.segments) {
    if (segment.journal < from.journal) continue;
    const start = segment.journal === from.journal ? from.offset : 0;
    const { journal, path, honoured } = segment;
    if (honoured !== null && start > honoured.bytes) continue;
    for await (const line of readLines(fileSystem, path, { start, end: honoured?.bytes ?? null })) {
      const records = await recordsOf(fileSystem, path, line.start, line.body);
      yield { records, segment, start: line.start, next: { journal, offset: line.end } };
    }
    if (honoured !== null)
      yield {
        records: honoured.tail,
        segment,
        start: honoured.bytes,
        next: { journal: journal + 1, offset: 0 },
      };
  }
}

async function recordsOf(
  fileSystem: FileSystem,
  path: string,
  offset: number,
  body: LineBody,
): Promise<readonly JournalRecord[]> {
  const records = toRecords(body);
  if (!("problem" in records)) return records;
  const line = await lineNumber(fileSystem, path, offset);
  throw records.problem === "version"
    ? futureVersion(path, line, records.what)
    : corrupt(path, line, records.what);
}
