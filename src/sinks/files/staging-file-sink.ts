/**
 * The worker's half of the file sink: every attempt writes below its own UUID, and the staged files are
 * durable.
 */
import { join } from "node:path";
import { SpecError } from "../../errors.js";
import type { Format } from "../../formats/format.js";
import type { StagedFile } from "../../job/partition.js";
import type { FileSystem } from "../../stores/file-system.js";
import { quarantineBatch } from "../quarantine-batch.js";
import type { SinkWriter, StagingSink } from "../sink.js";
import { ensureArea } from "./durable-directories.js";
import { layoutOf } from "./layout.js";
import { splitByValues } from "./split-by-values.js";
import { stagedParts } from "./staged-parts.js";

export interface StagingFileSinkOptions {
  /** Absolute path of the output, as the file sink has it. */
  readonly to: string;
  readonly partitionBy: readonly string[];
  readonly format: Format;
  readonly fileSystem: FileSystem;
}

export function stagingFileSink(options: StagingFileSinkOptions): StagingSink {
  const { fileSystem, format, partitionBy } = options;
  const layout = layoutOf(options.to);
  return {
    async openWriter(task, attemptId, columns): Promise<SinkWriter> {
      for (const column of partitionBy) {
        if (!columns.fields.some((field) => field.name === column)) throw noSuchColumn(column);
      }
      const runDirectory = join(layout.staging, task.run.id);
      const attempt = join(task.run.id, attemptId);
      await ensureArea(fileSystem, layout);
      await fileSystem.mkdir(join(layout.staging, attempt));
      const profile = task.plan.profile.writer;
      const partition = task.ref.partition;
      const where = { fileSystem, format, profile, staging: layout.staging, attempt, partition };
      const data = stagedParts({ ...where, kind: "part" });
      const quarantine = stagedParts({ ...where, kind: "quarantine" });
      let rowsWritten = 0;

      return {
        async write(chunk) {
          rowsWritten += chunk.batch.numRows;
          for (const { values, batch } of splitByValues(chunk.batch, partitionBy))
            await data.write(values, batch);
        },
        async quarantine(rows) {
          if (rows.rowNumbers.length > 0) await quarantine.write([], quarantineBatch(rows));
        },
        async stage() {
          // Without rows there is no partition to write to; otherwise readers still need the columns.
          if (rowsWritten === 0 && partitionBy.length === 0) await data.writeEmpty(columns);
          const files = await data.finish();
          const quarantined = await quarantine.finish();
          for (const path of [join(layout.staging, attempt), runDirectory, layout.staging]) {
            await fileSystem.syncDirectory(path);
          }
          return {
            files,
            quarantine: quarantined,
            rows: sum(files, (file) => file.rows),
            quarantined: sum(quarantined, (file) => file.rows),
            bytes: sum([...files, ...quarantined], (file) => file.bytes),
          };
        },
        async discard() {
          await fileSystem.removeTree(join(layout.staging, attempt)).catch(() => undefined);
        },
      };
    },
  };
}

function sum(files: readonly StagedFile[], of: (file: StagedFile) => number): number {
  return files.reduce((total, file) => total + of(file), 0);
}

function noSuchColumn(column: string): SpecError {
  return new SpecError(
    "spec.partition-column-missing",
    `\`partition_by\` names ${column}, which is not an output column`,
    {
      hint: "Add it under `write.add`, or pass it through from the input.",
      details: { column },
    },
  );
}
