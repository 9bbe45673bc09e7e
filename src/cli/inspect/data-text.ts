import { type Column, typeName } from "../../data/column.js";
import type { RowGroupSummary } from "../../formats/format.js";
import type { InspectedFile } from "../../host/host.js";
import { shownPath } from "../../service/paths.js";
import { bytes, count, counted } from "../../text/human.js";
import { renderTable, type TableOptions } from "../output/table.js";
import { truncate } from "../output/text-width.js";

/** One column over all files. `null`: some writer left no statistics. */
export interface ColumnFacts {
  readonly name: string;
  readonly type: string;
  readonly bytes: number;
  readonly nulls: number | null;
  readonly min: string | null;
  readonly max: string | null;
  /** Files that lack the column or have it with another type. */
  readonly differs: readonly string[];
}

const filesShown = 20;
const extremeCells = 26;

export function dataJson(files: readonly InspectedFile[]): unknown {
  return {
    rows: total(files, (file) => file.summary.rows),
    bytes: total(files, (file) => file.bytes),
    columns: columnFacts(files),
    files: files.map(({ path, bytes, summary, decodedRows, table }) => ({
      path,
      bytes,
      rows: summary.rows,
      decodedRows,
      rowGroups: summary.rowGroups.map((group) => group.rows),
      metadata: summary.metadata,
      ...(table === null ? {} : { table: { format: table.format, root: table.root } }),
    })),
    warnings: tablesOf(files),
  };
}

/** One line a table, however many of its files there are. */
function tablesOf(files: readonly InspectedFile[]): readonly string[] {
  const first = new Map<string, string>();
  for (const { table } of files)
    if (table !== null && !first.has(table.root)) first.set(table.root, `${table.message}. ${table.hint}`);
  return [...first.values()];
}

export function dataText(files: readonly InspectedFile[], cwd: string, options: TableOptions): string {
  const { paint } = options;
  const groups = files.flatMap((file) => file.summary.rowGroups);
  const largest = Math.max(0, ...groups.map((group) => group.rows));
  const headline = [
    paint.bold(
      counted(
        total(files, (file) => file.summary.rows),
        "row",
      ),
    ),
    counted(files.length, "file"),
    `${counted(groups.length, "row group")} (largest ${counted(largest, "row")})`,
    bytes(total(files, (file) => file.bytes)),
  ].join(", ");
  const decoded = files.filter((file) => file.decodedRows !== null);
  return [
    headline,
    columnTable(columnFacts(files), options),
    ...(files.length > 1 ? [fileTable(files, cwd, options)] : []),
    ...(decoded.length > 0
      ? [
          paint.green(
            `every row group decodes: ${counted(
              total(decoded, (file) => file.decodedRows ?? 0),
              "row",
            )}`,
          ),
        ]
      : []),
    ...[...drift(columnFacts(files), cwd), ...tablesOf(files)].map((line) =>
      paint.yellow(`warning: ${line}`),
    ),
  ].join("\n\n");
}

/** What the footers tell about each column, files added up; order of the first file, then of the others. */
export function columnFacts(files: readonly InspectedFile[]): readonly ColumnFacts[] {
  const first = new Map<string, Column>();
  for (const { summary } of files)
    for (const column of summary.schema) if (!first.has(column.name)) first.set(column.name, column);
  return [...first.values()].map((column) => {
    const type = typeName(column.type);
    const groups = files.flatMap((file) => file.summary.rowGroups);
    const numeric = ["int", "float", "decimal"].includes(column.type.kind);
    return {
      name: column.name,
      type,
      bytes: groups.reduce((sum, group) => sum + (group.columns[column.name]?.bytes ?? 0), 0),
      nulls: nullsOf(groups, column.name),
      min: extreme(groups, column.name, "min", numeric),
      max: extreme(groups, column.name, "max", numeric),
      differs: files
        .filter(({ summary }) => {
          const same = summary.schema.find((other) => other.name === column.name);
          return same === undefined || typeName(same.type) !== type;
        })
        .map((file) => file.path),
    };
  });
}

function nullsOf(groups: readonly RowGroupSummary[], name: string): number | null {
  let nulls = 0;
  for (const group of groups) {
    const known = group.columns[name]?.nulls ?? null;
    if (known === null) return null;
    nulls += known;
  }
  return nulls;
}

/** Over groups that know it; `null` as soon as one with rows doesn't, since a part of the truth misleads. */
function extreme(
  groups: readonly RowGroupSummary[],
  name: string,
  side: "min" | "max",
  numeric: boolean,
): string | null {
  let best: string | null = null;
  for (const group of groups) {
    const column = group.columns[name];
    if (group.rows === 0 || column?.nulls === group.rows) continue;
    const value = column?.[side] ?? null;
    if (value === null) return null;
    const less = best !== null && (numeric ? Number(value) < Number(best) : value < best);
    if (best === null || less === (side === "min")) best = value;
  }
  return best;
}

function columnTable(facts: readonly ColumnFacts[], options: TableOptions): string {
  return renderTable(
    [
      { title: "column", style: options.paint.bold },
      { title: "type" },
      { title: "nulls", align: "right" },
      { title: "min" },
      { title: "max" },
      { title: "size", align: "right" },
    ],
    facts.map((fact) => [
      fact.name,
      fact.type,
      fact.nulls === null ? "?" : count(fact.nulls),
      truncate(fact.min ?? "", extremeCells),
      truncate(fact.max ?? "", extremeCells),
      bytes(fact.bytes),
    ]),
    options,
  );
}

function fileTable(files: readonly InspectedFile[], cwd: string, options: TableOptions): string {
  const shown = files.length > filesShown ? files.slice(0, filesShown - 1) : files;
  const table = renderTable(
    [
      { title: "file" },
      { title: "rows", align: "right" },
      { title: "row groups", align: "right" },
      { title: "size", align: "right" },
    ],
    shown.map((file) => [
      shownPath(file.path, cwd),
      count(file.summary.rows),
      count(file.summary.rowGroups.length),
      bytes(file.bytes),
    ]),
    options,
  );
  const rest = files.length - shown.length;
  return rest === 0 ? table : `${table}\n${options.paint.dim(`… and ${counted(rest, "more file")}`)}`;
}

function drift(facts: readonly ColumnFacts[], cwd: string): readonly string[] {
  return facts
    .filter((fact) => fact.differs.length > 0)
    .map((fact) => {
      const [path = ""] = fact.differs;
      const others =
        fact.differs.length === 1 ? "" : ` and ${counted(fact.differs.length - 1, "other file")}`;
      return `${fact.name} is missing or no ${fact.type} in ${shownPath(path, cwd)}${others}`;
    });
}

function total<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((sum, item) => sum + of(item), 0);
}
