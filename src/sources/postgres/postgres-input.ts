import type { JsonValue } from "../../errors.js";
import type { Connection, TableName } from "../../job/connection.js";
import type { InputSpec } from "../../job/input.js";
import type { Partition } from "../../job/partition.js";

/** An input that is a table, a view or a query of PostgreSQL. */
export interface PostgresInput extends InputSpec {
  readonly kind: "postgres";
  readonly connection: Connection;
  readonly read: PostgresRead;
  /**
   * How partitions that are read at different times fit together. `snapshot`: all read one exported snapshot.
   * `materialize`: all read one logged copy, which outlives its session. `none`: each reads the state at its
   * time.
   */
  readonly consistency: Consistency;
}

export type PostgresRead =
  | { readonly kind: "table"; readonly table: TableName }
  /** Values reach the query as bound parameters only: `$1` is the first. */
  | { readonly kind: "query"; readonly text: string; readonly params: readonly JsonValue[] };

export type Consistency = "snapshot" | "materialize" | "none";

/** As plans store it. */
export interface PostgresPartition extends Partition {
  /** Always empty: earlier versions look for slices in every partition. */
  readonly slices?: readonly [];
  /** Absent in the partition of an input that has no rows. */
  readonly range?: RowRange;
}

/** Rows of a database that a partition reads: all that lie between two keys, or in some blocks of a table. */
export interface RowRange {
  /**
   * What the fingerprint takes of it: what is read, never where a range ends, since statistics move. The same in all
   * partitions of a plan.
   */
  readonly identity: string;
  readonly by: RangeBounds;
  /** Exported snapshot that the rows are seen in; `null` where each partition sees what is there when it reads. */
  readonly snapshot: string | null;
  /** Copy that is read instead of the input itself, quoted for SQL; `null` without one. */
  readonly copy: string | null;
}

export type RangeBounds =
  /**
   * Rows whose `columns`, compared as a row, are at or past `from` and before `to`: values as the database writes them
   * as text, one a column; `null` where the range is open.
   */
  | {
      readonly kind: "key";
      readonly columns: readonly string[];
      readonly from: readonly string[] | null;
      readonly to: readonly string[] | null;
      /** Some of `columns` may be null: such a row is in the last range whose `from` it is not below. */
      readonly nulls: boolean;
    }
  /** End-exclusive range of blocks; `null`: to the end, wherever that is by then. */
  | { readonly kind: "blocks"; readonly from: number; readonly to: number | null }
  /** One of so many equal parts of a copy, whose blocks are known once it is made. `share` counts from 0. */
  | { readonly kind: "share"; readonly share: number; readonly shares: number }
  | { readonly kind: "whole" };
