import type { Column, Schema } from "../../data/column.js";
import type { InspectedFile, WorkerHost } from "../../host/host.js";
import { describeInput } from "../../job/input.js";
import { looksLikeId } from "../../mapping/feature-candidates.js";
import type { FilesInput } from "../../sources/files/files-input.js";
import type { PostgresInput } from "../../sources/postgres/postgres-input.js";
import { counted } from "../../text/human.js";
import { columnFacts } from "../inspect/data-text.js";

/** What `init` has to know of the data. */
export interface SeenData {
  readonly schema: Schema;
  /** `1,200 rows in 2 files`. */
  readonly summary: string;
  /** The column that most likely identifies a row, `null` where none looks like it. */
  readonly likelyKey: string | null;
  readonly rows: number;
  /** By column that has nulls: how many; `null` where some footer does not say. */
  readonly nulls: ReadonlyMap<string, number | null>;
}

/**
 * @throws what is wrong with the first file that cannot be read; SpecError `source.table-format` for a table's file, unless
 *   the files are plain ones
 */
export async function lookAtData(
  host: WorkerHost,
  { from, plainFiles }: Pick<FilesInput, "from" | "plainFiles">,
): Promise<SeenData> {
  const files: InspectedFile[] = [];
  const tables = plainFiles === true ? "plain" : "refuse";
  await host.call("inspect-data", { from, full: false, tables }, { onItem: (file) => files.push(file) });
  const schema = files[0]?.summary.schema ?? [];
  const rows = files.reduce((sum, file) => sum + file.summary.rows, 0);
  const facts = columnFacts(files);
  const complete = new Set(facts.flatMap(({ name, nulls }) => (nulls === 0 ? [name] : [])));
  return {
    schema,
    summary: `${counted(rows, "row")} in ${counted(files.length, "file")}`,
    likelyKey: schema.find((column) => complete.has(column.name) && looksLikeKey(column))?.name ?? null,
    rows,
    nulls: new Map(facts.flatMap(({ name, nulls }) => (nulls === 0 ? [] : [[name, nulls] as const]))),
  };
}

/** The columns of a table, and the server's estimate of its rows. */
export async function lookAtTable(host: WorkerHost, input: PostgresInput): Promise<SeenData> {
  const { schema, rows } = await host.call("inspect-input", { input });
  return {
    schema,
    summary: `about ${counted(rows, "row")} in ${describeInput(input)}`,
    likelyKey: schema.find((column) => !column.nullable && looksLikeKey(column))?.name ?? null,
    rows,
    // Nothing counts them before a run.
    nulls: new Map(),
  };
}

function looksLikeKey({ name, type }: Column): boolean {
  const kind = type.kind === "dictionary" ? type.value.kind : type.kind;
  return looksLikeId(name) && (kind === "int" || kind === "utf8");
}
