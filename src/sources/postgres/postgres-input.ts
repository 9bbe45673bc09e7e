import type { JsonValue } from "../../errors.js";
import type { Connection, TableName } from "../../job/connection.js";
import type { InputSpec } from "../../job/input.js";

/** An input that is a table, a view or a query of PostgreSQL. */
export interface PostgresInput extends InputSpec {
  readonly kind: "postgres";
  readonly connection: Connection;
  readonly read: PostgresRead;
  /**
   * How partitions that are read at different times fit together. `snapshot`: all see one exported snapshot.
   * `materialize`: all read one logged copy, which outlives its session. `none`: each sees what is there when it reads.
   */
  readonly consistency: Consistency;
}

export type PostgresRead =
  | { readonly kind: "table"; readonly table: TableName }
  /** Values reach the query as bound parameters only: `$1` is the first. */
  | { readonly kind: "query"; readonly text: string; readonly params: readonly JsonValue[] };

export type Consistency = "snapshot" | "materialize" | "none";
