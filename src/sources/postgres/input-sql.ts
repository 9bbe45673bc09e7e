/** The SQL of an input. Names are quoted; values are bound, both the author's and those of ranges. */
import type { JsonValue } from "../../errors.js";
import { quoteName, quoteNames, quoteTable } from "../../postgres/identifiers.js";
import type { PostgresRead, RangeBounds } from "./postgres-input.js";

/** A relation to select from, and the values of its parameters. */
export interface Relation {
  readonly sql: string;
  readonly values: readonly (string | null)[];
}

export interface Statement {
  readonly text: string;
  readonly values: readonly (string | null)[];
}

/** Shares are converted to blocks before. */
export type ReadBounds = Exclude<RangeBounds, { readonly kind: "share" }>;

export function relationOf(read: PostgresRead): Relation {
  if (read.kind === "table") return { sql: quoteTable(read.table), values: [] };
  // On separate lines, because the author's query may end in a comment.
  return {
    sql: `(\n${read.text.replace(/[\s;]+$/, "")}\n) as nightshift_input`,
    values: read.params.map(parameter),
  };
}

/** Formats a parameter as the server reads text: an array as an array literal, an object as JSON. */
function parameter(value: JsonValue): string | null {
  if (value === null) return null;
  if (Array.isArray(value)) return `{${value.map(element).join(",")}}`;
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function element(value: JsonValue): string {
  if (value === null) return "NULL";
  if (Array.isArray(value)) return parameter(value) ?? "";
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

export function select(
  { sql, values }: Relation,
  columns: readonly string[],
  bounds: ReadBounds = { kind: "whole" },
): Statement {
  const condition = conditionOf(bounds, values.length + 1);
  return {
    text: `select ${quoteNames(columns)} from ${sql}${condition.text === "" ? "" : ` where ${condition.text}`}`,
    values: [...values, ...condition.values],
  };
}

/** @param next number of the first unused parameter */
function conditionOf(bounds: ReadBounds, next: number): Statement {
  switch (bounds.kind) {
    case "whole":
      return { text: "", values: [] };
    case "blocks": {
      const { from, to } = bounds;
      const end = to === null ? "" : ` and ctid < $${next + 1}::tid`;
      return {
        text: `ctid >= $${next}::tid${end}`,
        values: [`(${from},0)`, ...(to === null ? [] : [`(${to},0)`])],
      };
    }
    case "key":
      return keyCondition(bounds, next);
  }
}

/**
 * Every row belongs to exactly one range, even if a part of its key is null: along the bounds in their order,
 * `key >= bound` is first true, then possibly null, then false, and never changes back; a row belongs to the
 * last range whose `from` is true. The second half of a range with nulls exists for an index: it follows from
 * the first half.
 */
function keyCondition(bounds: RangeBounds & { readonly kind: "key" }, next: number): Statement {
  const { columns, from, to, nulls } = bounds;
  const key = `(${quoteNames(columns)})`;
  const [first = ""] = columns.map(quoteName);
  const marks = (start: number) => `(${columns.map((_, index) => `$${start + index}`).join(", ")})`;
  const conditions: string[] = [];
  const values: string[] = [];
  if (from !== null) {
    conditions.push(`${key} >= ${marks(next)}`);
    values.push(...from);
  }
  if (to !== null) {
    const start = next + values.length;
    if (nulls) {
      const reaches = `${first} <= $${start}`;
      conditions.push(
        `(${key} >= ${marks(start)}) is not true`,
        from === null ? `(${reaches} or ${first} is null)` : reaches,
      );
    } else conditions.push(`${key} < ${marks(start)}`);
    values.push(...to);
  }
  return { text: conditions.join(" and "), values };
}
