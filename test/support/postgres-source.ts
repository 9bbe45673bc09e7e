/** A source of a test's database, and what it reads. */

import { jsonRows } from "../../src/data/arrow/json-rows.js";
import type { Chunk } from "../../src/data/chunk.js";
import type { JsonValue } from "../../src/errors.js";
import { parseTableName } from "../../src/job/connection.js";
import type { Partition } from "../../src/job/partition.js";
import type { PostgresInput, PostgresRead } from "../../src/sources/postgres/postgres-input.js";
import { postgresSource } from "../../src/sources/postgres/postgres-source.js";
import type { PlanRequest, Source, SourceReadRequest } from "../../src/sources/source.js";
import { connectionUrl } from "../../src/wiring/resolve-connection.js";

const never = new AbortController().signal;

function tableNamed(text: string): PostgresRead {
  const table = parseTableName(text);
  if (table === null) throw new Error(`${text} is not a valid table name`);
  return { kind: "table", table };
}

export function queryOf(text: string, ...params: readonly JsonValue[]): PostgresRead {
  return { kind: "query", text, params };
}

export function inputOf(
  url: string,
  read: PostgresRead | string,
  parts: Partial<PostgresInput> = {},
): PostgresInput {
  const { address } = connectionUrl(url, { environment: {} }, "the test's URL");
  return {
    kind: "postgres",
    connection: { template: url, baseDir: "/", address },
    read: typeof read === "string" ? tableNamed(read) : read,
    consistency: "snapshot",
    key: [],
    onEmpty: "fail",
    ...parts,
  };
}

export function sourceOf(
  url: string,
  read: PostgresRead | string,
  parts: Partial<PostgresInput> = {},
): Source {
  return postgresSource({
    input: inputOf(url, read, parts),
    url: connectionUrl(url, { environment: {} }, "the test's URL"),
  });
}

export async function planned(
  source: Source,
  columns: readonly string[],
  request: Partial<PlanRequest> = {},
): Promise<readonly Partition[]> {
  const partitions: Partition[] = [];
  const whole = { columns, partitionRows: "auto", minPartitions: 1, ...request } as const;
  for await (const partition of source.plan(whole, never)) partitions.push(partition);
  return partitions;
}

export async function columnNames(source: Source): Promise<readonly string[]> {
  return (await source.schema()).map(({ name }) => name);
}

export interface ReadRows {
  readonly rows: readonly (readonly JsonValue[])[];
  /** By chunk. */
  readonly sizes: readonly number[];
  readonly rowsSent: number | null;
}

/** The rows of these partitions in their order; of all there are where none are given. */
export async function readAll(
  source: Source,
  columns: readonly string[],
  options: { readonly partitions?: readonly Partition[] } & Partial<SourceReadRequest> = {},
): Promise<ReadRows> {
  const { partitions = await planned(source, columns), ...more } = options;
  const rows: (readonly JsonValue[])[] = [];
  const sizes: number[] = [];
  let rowsSent: number | null = null;
  const request = {
    columns,
    chunkRows: 65_536,
    onRowsSent: (sent: number) => {
      rowsSent = (rowsSent ?? 0) + sent;
    },
    ...more,
  };
  for (const partition of partitions)
    for await (const { batch } of source.read(partition, request, never) as AsyncIterable<Chunk>) {
      sizes.push(batch.numRows);
      rows.push(...jsonRows(batch, batch.numRows));
    }
  return { rows, sizes, rowsSent };
}
