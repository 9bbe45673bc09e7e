/** What is said of a worker host that died or was killed, and who is to blame. */
import { DataError, InfraError, ModelError } from "../errors.js";
import { bytes } from "../text/human.js";
import type { NotedCalls } from "./breadcrumb-trail.js";
import type { HostCallName, HostCalls } from "./host.js";
import type { MemoryExcess } from "./memory-watch.js";

/** What it had open, as told by its breadcrumbs. */
export interface Open {
  readonly file: string | null;
  readonly model: string | null;
  /** The model was predicting, and not being loaded. */
  readonly isPredicting: boolean;
}

export interface Death extends Open {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly lastWords: string;
  readonly cause: Error | undefined;
  /** It was stopped for the memory that it held. */
  readonly excess: MemoryExcess | null;
}

/** The model that a call is about. */
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
        hint: "The model may need that much for a batch, or without end: try a few rows with nightshift preview. Set NIGHTSHIFT_MEMORY where there is more; or lower limits.threads and start over with --restart.",
        details,
      },
    );
  const how = signal === null ? `exit code ${code}` : signal;
  const words = lastWords.trim().split("\n").at(-1)?.slice(0, 200) ?? "";
  return new InfraError(
    "infra.host-died",
    `The worker host died (${how})${doing}.${words === "" ? "" : ` Its last words: ${words}`}`,
    {
      hint:
        file === null
          ? "Check the machine's memory, then run the same command again: what was accepted is kept."
          : "The file may be corrupt: check it with nightshift inspect --full.",
      details,
      ...(cause === undefined ? {} : { cause }),
    },
  );
}

/**
 * Outside of partitions a host does one thing at a time, so what kills it in its own code is the model that is at work, or
 * else the file that it has open. Whoever sends SIGKILL or SIGTERM is somebody else: the kernel for want of memory, or a
 * person; but we do, where it holds too much.
 */
export function blamed(
  death: InfraError,
  { file, model, isPredicting }: Open,
): DataError | ModelError | InfraError {
  const { signal, maxBytes } = death.details;
  const wasStopped = maxBytes !== undefined;
  const options = { details: { ...death.details, ...(isPredicting ? { isPredicting } : {}) }, cause: death };
  if (!wasStopped && (signal === "SIGKILL" || signal === "SIGTERM")) return death;
  if (model !== null)
    return new ModelError(
      "model.kills-host",
      wasStopped
        ? `${model} takes too much memory: ${death.message}`
        : `${model} cannot be run: it crashes ONNX Runtime. ${death.message}`,
      {
        ...options,
        hint: wasStopped
          ? "It may allocate without end; if it only needs more, set NIGHTSHIFT_MEMORY where there is more."
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
 * The death of a host as an attempt sees it: with the rows of the model call that it died in by itself, in
 * `details.rowsAtWork`, and the number of noted model calls that returned before, in `details.modelCalls`.
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
      hint: "Take the rows out that the model cannot take (a division of integers by zero, say), or export it again, perhaps for another opset.",
      details: { ...death.details, rowsAtWork: { from, to, digest }, modelCalls: returned },
      cause: death,
    },
  );
}

function during(file: string | null): string {
  return file === null ? "" : ` while it had ${file} open`;
}
