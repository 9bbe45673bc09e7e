/** Rows from a table or a query of PostgreSQL. */

import type { Chunk } from "../../data/chunk.js";
import { BugError, CancelledError } from "../../errors.js";
import type { ConnectionUrl } from "../../job/connection.js";
import { describeInput as inputText } from "../../job/input.js";
import { endSession, type Session } from "../../postgres/session.js";
import type { Source, SourceReadRequest } from "../source.js";
import { BinaryRows } from "./binary-rows.js";
import { chosenColumns, columnsOf, type DescribedInput, describeInput } from "./describe-input.js";
import { type ReadBounds, type Relation, relationOf, select } from "./input-sql.js";
import { planRanges } from "./plan-ranges.js";
import type { PostgresInput, PostgresPartition, RowRange } from "./postgres-input.js";
import { readingError } from "./reading-errors.js";
import { openReading, reading } from "./reading-session.js";

export interface PostgresSourceOptions {
  readonly input: PostgresInput;
  /** With its secrets, from this process's own environment. */
  readonly url: ConnectionUrl;
}

export function postgresSource({ input, url }: PostgresSourceOptions): Source<PostgresPartition> {
  const place = inputText(input);
  let described: Promise<DescribedInput> | null = null;
  const describe = (): Promise<DescribedInput> => {
    described ??= reading(url, { lock: null, snapshot: null, doing: `looking at ${place}` }, (session) =>
      describeInput(session, input),
    );
    return described;
  };
  return {
    async schema() {
      const { columns } = await describe();
      return columns.map(({ name, type, nullable }) => ({ name, type, nullable }));
    },
    async *plan(request, signal) {
      const found = await describe();
      const options = { lock: null, snapshot: null, doing: `planning ${place}`, signal };
      yield* await reading(url, options, (session) => planRanges(session, input, found, request));
    },
    async *read(partition, request, signal) {
      if (partition.range === undefined) return;
      yield* readRange({ input, url, partition, range: partition.range, request, signal });
    },
  };
}

interface RangeRead {
  readonly input: PostgresInput;
  readonly url: ConnectionUrl;
  readonly partition: PostgresPartition;
  readonly range: RowRange;
  readonly request: SourceReadRequest;
  readonly signal: AbortSignal;
}

async function* readRange(read: RangeRead): AsyncGenerator<Chunk> {
  const { input, url, range, signal } = read;
  const doing = `reading ${inputText(input)}`;
  if (signal.aborted) throw new CancelledError();
  const lock = range.copy === null ? input.read : null;
  const session = await openReading(url, { lock, snapshot: range.snapshot, doing, signal });
  // Also ends a query that waits for its first row.
  const stop = (): void => void endSession(session);
  signal.addEventListener("abort", stop, { once: true });
  try {
    yield* chunksOf(session, read);
  } catch (thrown) {
    if (signal.aborted) throw new CancelledError();
    throw readingError(thrown, { address: url.address, doing });
  } finally {
    signal.removeEventListener("abort", stop);
    await endSession(session);
  }
}

async function* chunksOf(session: Session, read: RangeRead): AsyncGenerator<Chunk> {
  const { input, range, partition, request, signal } = read;
  const relation = range.copy === null ? relationOf(input.read) : { sql: range.copy, values: [] };
  const columns = chosenColumns(await columnsOf(session, relation, null), request.columns);
  const bounds = await boundsOf(session, relation, range);
  const { chunkRows, onBytes = () => undefined } = request;
  const rows = BinaryRows.start(session, {
    ...select(relation, request.columns, bounds),
    columns,
    chunkRows,
    onBytes,
  });
  const origin = `${inputText(input)}, partition ${partition.index}`;
  let firstRow = 0;
  for (;;) {
    const batch = await rows.next();
    if (signal.aborted) throw new CancelledError();
    if (batch === null) break;
    yield { batch, origin: { file: origin, firstRow } };
    firstRow += batch.numRows;
  }
  if (rows.rowsSent === null) throw new BugError("bug.wire", "the server ended without a count of its rows");
  request.onRowsSent?.(rows.rowsSent);
}

async function boundsOf(session: Session, { sql }: Relation, { by, copy }: RowRange): Promise<ReadBounds> {
  if (by.kind !== "share") return by;
  // Planning reads the first rows before the copy exists, whose blocks are divided.
  if (copy === null && by.share === 0) return { kind: "whole" };
  if (copy === null) throw new BugError("bug.no-copy", "a share of a copy is read before the copy is made");
  const { rows } = await session.query<{ blocks: string }>(
    "select pg_relation_size($1::regclass) / current_setting('block_size')::int8 as blocks",
    [sql],
  );
  const edge = (share: number) => Math.floor((share * Number(rows[0]?.blocks)) / by.shares);
  return {
    kind: "blocks",
    from: edge(by.share),
    to: by.share === by.shares - 1 ? null : edge(by.share + 1),
  };
}
