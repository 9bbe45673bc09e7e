/**
 * Divides an input into ranges of keys. Bounds come from a sample that the server sorts, so that only its
 * order counts.
 */
import { SpecError } from "../../errors.js";
import { quoteName, quoteNames } from "../../postgres/identifiers.js";
import type { Session } from "../../postgres/session.js";
import { runAuthorStatement } from "./author-statement.js";
import type { DescribedInput } from "./describe-input.js";
import type { RangeBounds } from "./postgres-input.js";

/** Minimum number of sampled rows for each desired range. */
const sampledPerRange = 200;
const minSampled = 20_000;
/** A table is sampled by whole blocks, and rows of one block may be neighbours. */
const minSampledBlocks = 300;

export interface KeyRangesRequest {
  readonly key: readonly string[];
  readonly parts: number;
  readonly estimatedRows: number;
}

/**
 * Returns the author's key if the table is unique by it or has no other key, else the table's unique key;
 * `null` if there is no column to order by.
 */
export function keyOf({ table }: DescribedInput, wanted: readonly string[]): readonly string[] | null {
  const same = table?.uniqueKeys.find(
    (columns) => columns.length === wanted.length && columns.every((column) => wanted.includes(column)),
  );
  return same ?? table?.primaryKey ?? table?.uniqueKeys[0] ?? (wanted.length > 0 ? wanted : null);
}

/** Returns fewer ranges than desired if keys repeat; none if the sample has no key at all. */
export async function keyRanges(
  session: Session,
  described: DescribedInput,
  { key, parts, estimatedRows }: KeyRangesRequest,
): Promise<readonly RangeBounds[]> {
  const nulls = key.some(
    (name) => described.columns.find((column) => column.name === name)?.nullable !== false,
  );
  const bounds = await sampleBounds(session, described, key, parts, estimatedRows);
  const edges = [null, ...bounds, null];
  return edges.slice(1).map((to, index) => ({
    kind: "key",
    columns: key,
    from: edges[index] ?? null,
    to,
    nulls,
  }));
}

async function sampleBounds(
  session: Session,
  described: DescribedInput,
  key: readonly string[],
  parts: number,
  estimatedRows: number,
): Promise<readonly (readonly string[])[]> {
  const { relation } = described;
  const names = quoteNames(key);
  const inner = key.map((name, index) => `${quoteName(name)} as k${index}`).join(", ");
  const outer = key.map((_, index) => `k${index}`).join(", ");
  const texts = key.map((_, index) => `k${index}::text`).join(", ");
  const { from, condition } = sampled(
    described,
    Math.max(parts * sampledPerRange, minSampled),
    estimatedRows,
  );
  const text = `
    select array[${texts}] as bound
    from (select ${inner}, row_number() over (order by ${names}) - 1 as place, count(*) over () as total
          from ${from} where ${[...key.map((name) => `${quoteName(name)} is not null`), ...condition].join(" and ")}
         ) as sample
    where place * ${parts} / total <> (place - 1) * ${parts} / total and place > 0
    group by ${outer} order by ${outer}`;
  try {
    const { rows } = await runAuthorStatement<{ bound: string[] }>(session, text, relation.values);
    return rows.map(({ bound }) => bound);
  } catch (error) {
    throw unordered(error, key) ?? error;
  }
}

function sampled({ relation, table }: DescribedInput, wantedRows: number, estimatedRows: number) {
  const share = Math.min(1, wantedRows / Math.max(estimatedRows, 1));
  const canSample = table !== null && table.kind !== "view" && table.kind !== "foreign table";
  if (share === 1) return { from: relation.sql, condition: [] };
  if (!canSample) return { from: relation.sql, condition: [`random() < ${share}`] };
  const byBlocks = table.blocks === 0 ? share : Math.min(1, minSampledBlocks / table.blocks);
  const percent = Math.max(share, byBlocks) * 100;
  return { from: `${relation.sql} tablesample system (${percent}) repeatable (1)`, condition: [] };
}

function unordered(error: unknown, key: readonly string[]): SpecError | null {
  const { code, message } = error as { readonly code?: string; readonly message?: string };
  if (code !== "42883") return null;
  return new SpecError(
    "postgres.key-without-order",
    `The input cannot be split by ${key.join(", ")}: ${message}.`,
    { hint: "Name a key whose types have an order in input.key.", details: { columns: [...key] } },
  );
}
