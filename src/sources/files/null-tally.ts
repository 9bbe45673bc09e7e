/** Sums the nulls of each column over all files, from their footers and paths. */
import type { NullCount } from "../../data/column.js";
import type { FileSummary } from "../../formats/format.js";
import type { StoredFile } from "../../stores/store.js";
import { hiveNull } from "./path-values.js";

/** Stores a few numbers for each column, regardless of the number of files. */
export class NullTally {
  private rows = 0;
  private readonly columns = new Map<string, { nulls: number; unknown: number; rows: number }>();

  add({ pathValues }: Pick<StoredFile, "pathValues">, { schema, rows, rowGroups }: FileSummary): void {
    this.rows += rows;
    for (const { name, type } of schema) {
      const column = this.column(name);
      column.rows += rows;
      for (const group of rowGroups) {
        const facts = Object.hasOwn(group.columns, name) ? group.columns[name] : undefined;
        const nulls = type.kind === "null" ? group.rows : (facts?.nulls ?? null);
        if (nulls === null) column.unknown += group.rows;
        else column.nulls += nulls;
      }
    }
    const own = new Set(schema.map(({ name }) => name));
    for (const [name, text] of Object.entries(pathValues)) {
      if (own.has(name)) continue;
      const column = this.column(name);
      column.rows += rows;
      if (text === hiveNull) column.nulls += rows;
    }
  }

  /** A column that a file lacks is null in all of its rows. */
  counts(): ReadonlyMap<string, NullCount> {
    return new Map(
      [...this.columns].map(([name, { nulls, unknown, rows }]) => [
        name,
        { nulls: nulls + this.rows - rows, unknown },
      ]),
    );
  }

  private column(name: string): { nulls: number; unknown: number; rows: number } {
    const column = this.columns.get(name) ?? { nulls: 0, unknown: 0, rows: 0 };
    this.columns.set(name, column);
    return column;
  }
}
