/**
 * Detects directories of a table format. Its metadata decides which files contain rows of the table; the
 * others were deleted or replaced, and remain on disk.
 */
import { basename, dirname, join } from "node:path";
import { InfraError, SpecError } from "../../errors.js";
import type { Store, StoredFile } from "../../stores/store.js";
import type { TableDetector } from "../source.js";

type TableFormat =
  | "delta"
  | "hudi"
  | "iceberg"
  | "paimon"
  | "spark-sink"
  | "hive-acid"
  | "lance"
  | "mergetree";

interface TableRoot {
  readonly format: TableFormat;
  /** Absolute. */
  readonly root: string;
  /** The entry that identifies it, relative to the root. */
  readonly marker: string;
}

/** Maximum number of parent directories to examine. */
const maxLevels = 16;

/** The single detector, for inputs, inspected files, and files that a job names beside its input. */
export class TableRoots implements TableDetector {
  private readonly found = new Map<string, Promise<TableRoot | null>>();

  constructor(private readonly store: Store) {}

  async refusal(file: StoredFile): Promise<SpecError | null> {
    const table = await this.above(file);
    return table === null ? null : isInTable(file, table);
  }

  /**
   * Returns the nearest parent directory of the file that is a table. For a symlink, the parents of both
   * paths are examined.
   * @returns `null` for a plain file
   */
  private async above({ path, listedAs }: StoredFile): Promise<TableRoot | null> {
    const here = await this.aboveDirectory(dirname(listedAs), maxLevels);
    if (here !== null || dirname(listedAs) === dirname(path)) return here;
    return this.aboveDirectory(dirname(path), maxLevels);
  }

  private async aboveDirectory(directory: string, levels: number): Promise<TableRoot | null> {
    let here = this.found.get(directory);
    if (here === undefined) {
      here = tableAt(directory, this.store);
      this.found.set(directory, here);
    }
    const root = await here;
    const parent = dirname(directory);
    return root !== null || levels <= 1 || parent === directory
      ? root
      : this.aboveDirectory(parent, levels - 1);
  }
}

/** An entry of a directory that only tables of one format have. */
interface Marker {
  readonly name: string;
  readonly format: TableFormat;
  /** One of the entries must match; absent: the existence of the directory is sufficient. */
  readonly holds?: RegExp;
}

/** A Delta table may also be readable as Iceberg; its own log takes precedence. */
const markers: readonly Marker[] = [
  { name: "_delta_log", format: "delta", holds: /^(\d{20}\.(json|checkpoint\b.*)|_last_checkpoint)$/ },
  { name: ".hoodie", format: "hudi" },
  // A partition that was copied out of its table still contains this file.
  { name: ".hoodie_partition_metadata", format: "hudi" },
  {
    name: "metadata",
    format: "iceberg",
    holds: /^(version-hint\.text|(v\d+|\d{5,}-[0-9a-f-]{36})(\.gz)?\.metadata\.json(\.gz)?)$/i,
  },
  { name: "manifest", format: "paimon", holds: /^manifest-list-/ },
  { name: "_spark_metadata", format: "spark-sink" },
  { name: "_versions", format: "lance", holds: /\.manifest$/ },
];

/** Files of a MergeTree part beside its columns. */
const partFiles = ["checksums.txt", "columns.txt", "count.txt"] as const;

/** `delta_0000001_0000003`, `base_0000005`: versions of a transactional table of Hive, beside each other. */
const hiveVersion = /^(base_\d{7,}|(delete_)?delta_\d{7,}_\d{7,})(_\d{4})?(_v\d+)?$/;

async function tableAt(directory: string, store: Store): Promise<TableRoot | null> {
  const name = basename(directory);
  if (hiveVersion.test(name)) return { format: "hive-acid", root: dirname(directory), marker: name };
  const entries = await readable(store.names(directory));
  if (entries === null) return null;
  for (const marker of markers) {
    // A parent directory may not be listable, although its entries can be accessed by name.
    if (entries !== "denied" && !entries.includes(marker.name)) continue;
    if (await proves(marker, directory, store))
      return { format: marker.format, root: directory, marker: marker.name };
  }
  const isPart = entries !== "denied" && partFiles.every((file) => entries.includes(file));
  return isPart ? { format: "mergetree", root: directory, marker: partFiles[0] } : null;
}

async function proves({ name, holds }: Marker, directory: string, store: Store): Promise<boolean> {
  const path = join(directory, name);
  if (name === ".hoodie_partition_metadata") return (await store.stat(path)) !== null;
  const inside = await readable(store.names(path));
  // A directory that cannot be listed is treated as a table if its name is not used otherwise.
  if (inside === "denied") return name.startsWith("_") || name.startsWith(".");
  return inside !== null && (holds === undefined || inside.some((entry) => holds.test(entry)));
}

async function readable<T>(names: Promise<T>): Promise<T | "denied"> {
  return names.catch((error: unknown) => {
    if (error instanceof InfraError && error.code === "infra.permission") return "denied" as const;
    throw error;
  });
}

const formatNames: { readonly [format in TableFormat]: string } = {
  delta: "a Delta Lake table",
  hudi: "an Apache Hudi table",
  iceberg: "an Apache Iceberg table",
  paimon: "an Apache Paimon table",
  "spark-sink": "the output of a Spark stream",
  "hive-acid": "a transactional table of Hive",
  lance: "a Lance dataset",
  mergetree: "a part of a ClickHouse table",
};

/** Commands that list the live files of a table, or write its rows as plain Parquet. */
const waysOut: { readonly [format in TableFormat]: (root: string) => string } = {
  delta: (root) => `\`DeltaTable("${root}").file_uris()\` of the Python package deltalake lists them`,
  hudi: (root) => `\`HudiTable("${root}").get_file_slices()\` of the Python package hudi lists them`,
  iceberg: () => "`[task.file.file_path for task in table.scan().plan_files()]` of PyIceberg lists them",
  paimon: () => "`select file_path from <table>$files` in Flink or Spark lists them",
  "spark-sink": (root) => `\`spark.read.parquet("${root}").inputFiles()\` lists them`,
  "hive-acid": () =>
    "write the table as plain Parquet: `insert overwrite directory … stored as parquet select …`",
  lance: (root) =>
    `write it as Parquet: \`lance.dataset("${root}")\`, then \`pyarrow.dataset.write_dataset\``,
  mergetree: () => "write it as Parquet: `select … into outfile 'x.parquet'`",
};

/** `source.table-format`: only the table's metadata determines which files are live. */
function isInTable(file: StoredFile, { format, root, marker }: TableRoot): SpecError {
  const name = formatNames[format];
  return new SpecError(
    "source.table-format",
    `${file.path} belongs to ${name}, ${root}: some of its files may contain rows that were deleted or replaced`,
    {
      hint: `Name the files of the version that is wanted, and say so with \`plain_files: true\` (--plain-files): ${waysOut[format](root)}.`,
      details: { file: file.path, format, root, marker },
    },
  );
}
