import type { Connection, TableName } from "../../job/connection.js";
import type { WriteSpec } from "../../job/output.js";

/** An output that is a table of PostgreSQL. */
export interface PostgresWrite extends WriteSpec {
  readonly kind: "postgres";
  readonly connection: Connection;
  readonly table: TableName;
  /** Columns that identify a row of the table; the input's unless told. Never empty under `upsert`. */
  readonly key: readonly string[];
  /** Make the table from the predictions' schema where it is missing. */
  readonly create: boolean;
  /** Under `upsert`: what becomes of rows whose keys the run was asked for and did not find any more. */
  readonly onMissing: "keep" | "delete";
  /** Where rows go that could not be scored; `null`: the sink's own table. A directory is absolute. */
  readonly quarantine:
    | { readonly kind: "table"; readonly table: TableName }
    | { readonly kind: "directory"; readonly path: string }
    | null;
  /** What becomes of instants finer than a microsecond: their rows fail, or they are rounded. Absent: `exact`. */
  readonly timestamps?: "exact" | "round";
  /** How list columns are written, where the table's own columns leave a choice or are to be made. */
  readonly layout: { readonly [column: string]: ListLayout };
}

/**
 * `array`: an array of the elements' type; a list of structs becomes an array for each field, `<column>_<field>`.
 * `vector`, `halfvec`: pgvector's types; what they cannot hold exactly is rounded. `explode`: a row for each element, its
 * fields as columns; one column at most.
 */
export type ListLayout = "jsonb" | "array" | "vector" | "halfvec" | "explode";
