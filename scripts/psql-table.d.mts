import type { QueryResult } from "pg";

/** A result of `pg` as psql shows it. */
export function psqlTable(result: QueryResult): string;
