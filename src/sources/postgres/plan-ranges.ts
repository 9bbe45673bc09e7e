/**
 * Decides which rows each partition reads: blocks of the table if all partitions see one state of it (blocks
 * are read in storage order, without an index, and cost the same regardless of the key); otherwise ranges of
 * a key; the whole input if neither is possible.
 */

import type { Session } from "../../postgres/session.js";
import type { PlanRequest } from "../source.js";
import { chosenColumns, type DescribedInput } from "./describe-input.js";
import { type Estimate, estimate, hasRows } from "./estimate.js";
import { select } from "./input-sql.js";
import { keyOf, keyRanges } from "./key-ranges.js";
import type { Consistency, PostgresInput, PostgresPartition, RangeBounds } from "./postgres-input.js";

/** Smaller partitions are not worthwhile; much larger ones take too long to repeat. */
const minPartitionRows = 131_072;
const maxPartitionRows = 1_048_576;
const maxPartitionBytes = 1024 * 1024 * 1024;
/** Two chunks are decoded at once, and each ends at 64 MiB of texts and lists. */
const maxHeldBytes = 256 * 1024 * 1024;
const chunkRows = 65_536;
/** The ranges of a query may together cost the server at most this multiple of the whole query. */
const worthwhile = 2;
/** PostgreSQL 14 is the first that finds blocks without reading those before them. */
const findsBlocks = 140_000;

export async function planRanges(
  session: Session,
  input: PostgresInput,
  described: DescribedInput,
  request: PlanRequest,
): Promise<readonly PostgresPartition[]> {
  const columns = chosenColumns(described.columns, request.columns);
  const expected = await estimate(session, select(described.relation, request.columns));
  const isEmpty = !(await hasRows(session, described.relation));
  const parts = isEmpty ? 1 : partsOf(expected, request);
  const bounds = parts === 1 ? whole : await boundsOf(session, input, described, { parts, expected });
  const identity = [
    ...(described.table === null ? [] : [`${described.table.name.schema}.${described.table.name.name}`]),
    ...columns.map(({ name, type }) => `${name} ${JSON.stringify(type)}`),
  ].join("\n");
  // An estimate of zero rows does not prove that there are none.
  const rows = isEmpty ? 0 : Math.max(1, Math.round(expected.rows / bounds.length));
  const bytes = rows * expected.rowBytes;
  return bounds.map((by, index) => ({
    index,
    rows,
    bytes,
    peakBytes: Math.min(maxHeldBytes, 2 * Math.min(rows, chunkRows) * (expected.rowBytes + 8)),
    slices: [],
    range: { identity, by, snapshot: null, copy: null },
  }));
}

const whole: readonly RangeBounds[] = [{ kind: "whole" }];

function partsOf({ rows, rowBytes }: Estimate, { partitionRows, minPartitions }: PlanRequest): number {
  const bounded = Math.min(maxPartitionRows, Math.max(1, maxPartitionBytes / Math.max(rowBytes, 1)));
  const wanted =
    partitionRows === "auto"
      ? Math.min(bounded, Math.max(minPartitionRows, Math.ceil(rows / minPartitions)))
      : partitionRows;
  return Math.max(1, Math.ceil(rows / wanted));
}

interface Split {
  readonly parts: number;
  readonly expected: Estimate;
}

/**
 * A snapshot does not cover another server: for a foreign table, only a single statement sees a single
 * moment.
 */
async function boundsOf(
  session: Session,
  input: PostgresInput,
  described: DescribedInput,
  split: Split,
): Promise<readonly RangeBounds[]> {
  const { parts, expected } = split;
  if (input.consistency === "snapshot" && described.table?.kind === "foreign table") return whole;
  if (input.consistency !== "none") {
    const blocks = await blocksOf(session, described, input.consistency);
    if (input.consistency === "materialize") return blocks === null ? whole : shares(parts);
    if (blocks !== null && blocks >= parts) return blockRanges(blocks, parts);
  }
  const key = keyOf(described, input.key);
  if (key === null) return whole;
  const ranges = await keyRanges(session, described, { key, parts, estimatedRows: expected.rows });
  return described.table?.kind === "table" || (await areWorthwhile(session, described, ranges, expected))
    ? ranges
    : whole;
}

/**
 * Returns the number of blocks of the largest part of the table; `null` if blocks cannot be used or there are
 * none.
 */
async function blocksOf(
  session: Session,
  { table }: DescribedInput,
  consistency: Consistency,
): Promise<number | null> {
  const { rows } = await session.query<{ version: number; heap: boolean | null; blocks: string | null }>(
    `select current_setting('server_version_num')::int4 as version,
            bool_and(c.relkind in ('r', 'm') and a.amname = 'heap') as heap,
            max(pg_relation_size(c.oid)) / current_setting('block_size')::int8 as blocks
     from pg_class c left join pg_am a on a.oid = c.relam
     where c.oid = $1 and c.relkind <> 'p'
        or c.oid in (select relid from pg_partition_tree($1::oid::regclass) where isleaf)`,
    [table?.oid ?? 0],
  );
  const [found] = rows;
  if (found === undefined || found.version < findsBlocks) return null;
  // A copy is always a plain table, regardless of its original.
  if (consistency === "materialize") return 1;
  return found.heap === true ? Number(found.blocks) : null;
}

function blockRanges(blocks: number, parts: number): readonly RangeBounds[] {
  const edge = (part: number) => Math.floor((part * blocks) / parts);
  return Array.from({ length: parts }, (_, part) => ({
    kind: "blocks",
    from: edge(part),
    // Rows may be appended until the snapshot is taken.
    to: part === parts - 1 ? null : edge(part + 1),
  }));
}

function shares(parts: number): readonly RangeBounds[] {
  return Array.from({ length: parts }, (_, share) => ({ kind: "share", share, shares: parts }));
}

/** A query that computes everything again for each range is better read as a whole. */
async function areWorthwhile(
  session: Session,
  { relation, columns }: DescribedInput,
  ranges: readonly RangeBounds[],
  expected: Estimate,
): Promise<boolean> {
  const middle = ranges[ranges.length >> 1];
  if (middle === undefined || middle.kind === "share") return false;
  const one = await estimate(
    session,
    select(
      relation,
      columns.map(({ name }) => name),
      middle,
    ),
  );
  return one.cost * ranges.length <= worthwhile * expected.cost;
}
