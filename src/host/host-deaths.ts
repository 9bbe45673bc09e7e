/** Errors for a worker host that died or was killed, and their attribution to a file or a model. */
import { DataError, InfraError, ModelError } from "../errors.js";
import { bytes } from "../text/human.js";
import type { NotedCalls } from "./breadcrumb-trail.js";
import type { HostCallName, HostCalls, RowPlace } from "./host.js";
import type { MemoryExcess } from "./memory-watch.js";

/** The files and the model that the host had open, according to its breadcrumbs. */
export interface Open {
  readonly file: string | null;
  readonly model: string | null;
  /** Whether the model was predicting rather than being loaded. */
  readonly isPredicting: boolean;
  /** The row that the model was tried on alone. */
  readonly row: RowPlace | null;
}

export interface Death extends Open {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly lastWords: string;
  readonly cause: Error | undefined;
  /** Set if the host was stopped for its memory use. */
  readonly excess: MemoryExcess | null;
}

/** Returns the model that a call is about. */
export function modelOf(request: HostCalls[HostCallName]["request"]): string | null {
  if ("task" in request) return request.task.plan.job.model.path;
  if ("job" in request) return request.job.model.path;
  return "externalData" in request ? request.path : null;
}

export function overrun(deadlineMs: number, file: string | null, model: string | null): InfraError {
  const seconds = Math.round(deadlineMs / 1000);
  return new InfraError(
    "infra.host-deadline",
    `Stopped after ${seconds} s, its time limit${during(file)}${model === null ? "" : `; the model is ${model}`}.`,
    {
      hint: "Raise limits.partition_timeout, or make partitions smaller with limits.partition_rows, then start over with --restart: an unfinished run keeps the limits of its plan. A model or a hook may also never return.",
      details: {
        deadlineMs,
        ...(file === null ? {} : { file }),
        ...(model === null ? {} : { model }),
      },
    },
  );
}

export function deathOf(death: Death): InfraError {
  const { code, signal, file, model, lastWords, cause, excess } = death;
  const details = {
    ...(file === null ? {} : { file }),
    ...(model === null ? {} : { model }),
    ...(excess === null ? {} : { ...excess }),
    exitCode: code,
    signal,
  };
  const doing = `${model === null ? "" : ` with ${model} at work`}${during(file)}`;
  if (excess !== null)
    return new InfraError(
      "infra.host-died",
      `The worker host was stopped${doing}: it held ${bytes(excess.heldBytes)} of memory, and may hold ${bytes(excess.maxBytes)}.`,
      {
        hint: "The model may need that much for a batch, or allocate without bound: try a few rows with nightshift preview. Set a larger NIGHTSHIFT_MEMORY if the machine has more; or lower limits.threads and start over with --restart.",
        details,
      },
    );
  const how = signal === null ? `exit code ${code}` : signal;
  const words = lastWords.trim().split("\n").at(-1)?.slice(0, 200) ?? "";
  return new InfraError(
    "infra.host-died",
    `The worker host died (${how})${doing}.${words === "" ? "" : ` Its last output: ${words}`}`,
    {
      hint:
        file === null
          ? "Check the machine's memory, then run the same command again: accepted partitions are kept."
          : "The file may be corrupt: check it with nightshift inspect --full.",
      details,
      ...(cause === undefined ? {} : { cause }),
    },
  );
}

/**
 * Attributes a host's death to a file or a model. Outside of partitions a host makes one call at a time, so a
 * crash in its own code is caused by the model that is active, or else by the file that it has open. SIGKILL
 * and SIGTERM come from outside, from the kernel when memory is exhausted or from an operator, unless this
 * process sent them because of the memory limit.
 */
export function blamed(
  death: InfraError,
  { file, model, isPredicting, row }: Open,
): DataError | ModelError | InfraError {
  const { signal, maxBytes } = death.details;
  const wasStopped = maxBytes !== undefined;
  const options = { details: { ...death.details, ...(isPredicting ? { isPredicting } : {}) }, cause: death };
  if (!wasStopped && (signal === "SIGKILL" || signal === "SIGTERM")) return death;
  if (model !== null && isPredicting && row !== null && !wasStopped)
    return new ModelError(
      "model.kills-host",
      `${model} cannot be run on row ${row.row} of ${row.file}, counted from 0: it crashes ONNX Runtime.`,
      {
        details: { ...options.details, ...row },
        cause: death,
        hint: "Take the row out, or export the model so that it checks for such rows (a division of integers, say). A run does with such rows of its input what limits.on_row_error says.",
      },
    );
  if (model !== null)
    return new ModelError(
      "model.kills-host",
      wasStopped
        ? `${model} takes too much memory: ${death.message}`
        : `${model} cannot be run: it crashes ONNX Runtime. ${death.message}`,
      {
        ...options,
        hint: wasStopped
          ? "It may allocate without bound; if it only needs more, set a larger NIGHTSHIFT_MEMORY on a machine that has it."
          : "The file is damaged, ONNX Runtime has a bug, or it crashes on a row that the model was tried on (a division of integers, say): try other rows, or export it again, perhaps for another opset.",
      },
    );
  if (file === null || wasStopped) return death;
  return new DataError("data.kills-reader", `${file} cannot be decoded: it crashes the Parquet reader.`, {
    ...options,
    hint: "The file is damaged, or uses the format in a way that the reader does not know: write it again.",
  });
}

/**
 * Adds to an attempt's error what is known of the death of its host: the rows of the model call in which the
 * host died by itself, in `details.rowsAtWork`, and the number of noted model calls that had returned, in
 * `details.modelCalls`.
 */
export function withRows(death: InfraError, { atWork, returned }: NotedCalls): InfraError {
  const { signal, maxBytes } = death.details;
  if (atWork === null || maxBytes !== undefined || signal === "SIGKILL" || signal === "SIGTERM") return death;
  const { from, to, digest } = atWork;
  const how = signal == null ? `exit code ${death.details.exitCode}` : signal;
  return new InfraError(
    death.code,
    `The worker host died (${how}) in a model call for rows ${from} to ${to - 1} of its partition, which count from 0.`,
    {
      hint: "Remove the rows that the model cannot process (a division of integers by zero, say), or export it again, perhaps for another opset.",
      details: { ...death.details, rowsAtWork: { from, to, digest }, modelCalls: returned },
      cause: death,
    },
  );
}

function during(file: string | null): string {
  return file === null ? "" : ` while it had ${file} open`;
}
