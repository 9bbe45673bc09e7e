import { SpecError } from "../errors.js";
import type { Job } from "../job/job.js";
import { wantedFiles } from "../mapping/files/wanted-files.js";
import type { TableDetector } from "../sources/source.js";
import type { Store } from "../stores/store.js";

interface TableParts {
  readonly store: Store;
  readonly tables: TableDetector;
}

/**
 * Refuses a Parquet file that a job reads beside its input if the file belongs to a table: the table may have deleted or
 * replaced its rows. A missing file is left to the caller.
 * @throws SpecError `source.table-format`
 */
export async function refuseTableFile(path: string, { store, tables }: TableParts): Promise<void> {
  const file = await store.stat(path);
  const refusal = file === null ? null : await tables.refusal(file);
  if (refusal === null) return;
  throw new SpecError(refusal.code, refusal.message, {
    hint: "Write the rows of the version that is wanted as one Parquet file outside of the table, and name that file.",
    details: refusal.details,
  });
}

/** The same for the Parquet files that a mapping takes ids from. */
export async function refuseTableIds(
  job: Pick<Job, "features" | "outputs">,
  parts: TableParts,
): Promise<void> {
  for (const { file } of wantedFiles(job).ids)
    if (/\.parquet$/i.test(file)) await refuseTableFile(file, parts);
}
