/**
 * Errors, grouped by who must act. Throw inside, values at the boundary: across a process or thread an error
 * travels as an {@link ErrorRecord}. Adapters translate native errors at once and keep them as `cause`.
 */

/** Who must act on the error: the job's author, the data's owner, the model's owner, the operator, or no one. */
export type ErrorKind = "spec" | "data" | "model" | "infra" | "cancelled" | "bug";

export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

export interface ErrorOptions {
  /** What to do about it, in one imperative sentence. */
  readonly hint?: string;
  /** Where and what, for machines: file, column, rowGroup, line... Never a row's values, never a secret. */
  readonly details?: { readonly [key: string]: JsonValue };
  readonly cause?: unknown;
}

export abstract class NightshiftError extends Error {
  abstract readonly kind: ErrorKind;
  readonly hint: string | undefined;
  readonly details: { readonly [key: string]: JsonValue };

  /** @param code stable, dotted, for machines: `source.changed`, `refused.target-exists`. */
  constructor(
    readonly code: string,
    message: string,
    options: ErrorOptions = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.hint = options.hint;
    this.details = options.details ?? {};
  }

  /** Whether a retry may succeed without any action. */
  get retryable(): boolean {
    return false;
  }
}

/** The author of the job or command must act: a mistake in a spec (`spec.*`), wrong use (`usage.*`), a refusal (`refused.*`). */
export class SpecError extends NightshiftError {
  readonly kind = "spec";
}

/** The data's owner must act: `source.*`, `data.*`. */
export class DataError extends NightshiftError {
  readonly kind = "data";
}

/** The model's owner must act: `model.*`. */
export class ModelError extends NightshiftError {
  readonly kind = "model";
}

/** What waiting does not change. */
const lasting: ReadonlySet<string> = new Set([
  "infra.disk-full",
  "infra.permission",
  "infra.read-only",
  "infra.unsupported",
  "infra.cross-device",
  "infra.occupied",
  "infra.busy",
  "infra.name-too-long",
  "infra.log-corrupt",
  "infra.published-file-missing",
  "infra.published-file-damaged",
  "infra.staged-missing",
  "infra.run-decided",
  "infra.claim-lost",
  "infra.journal-corrupt",
  "infra.journal-version",
  "infra.authentication",
  "infra.no-database",
  "infra.tls",
  "infra.snapshot-lost",
  "infra.queue-refused",
]);

/** The operator must act: `infra.*`. Retryable, except where the code says that waiting changes nothing. */
export class InfraError extends NightshiftError {
  readonly kind = "infra";

  override get retryable(): boolean {
    return !lasting.has(this.code);
  }
}

/** A stop was requested. This is not a failure, and nothing is lost. */
export class CancelledError extends NightshiftError {
  readonly kind = "cancelled";

  /** @param code `cancelled`: this process was interrupted; `cancelled.run`: see {@link runCancelled} */
  constructor(
    message = "interrupted",
    options: ErrorOptions = {},
    code: "cancelled" | "cancelled.run" = "cancelled",
  ) {
    super(code, message, options);
  }
}

/**
 * The run itself is wanted no more: its ledger records it as cancelled. Also the reason of an AbortSignal by which a
 * process cancels a run of its own; one without this reason leaves the run unfinished.
 */
export function runCancelled(): CancelledError {
  return new CancelledError("the run was cancelled", {}, "cancelled.run");
}

export function isRunCancelled(thrown: unknown): thrown is CancelledError {
  return thrown instanceof CancelledError && thrown.code === "cancelled.run";
}

/** Anything not foreseen: retried to the limit, logged with its stack. */
export class BugError extends NightshiftError {
  readonly kind = "bug";

  override get retryable(): boolean {
    return true;
  }
}

/** An error as JSON: what crosses a process, a thread, and what the ledger keeps. */
export interface ErrorRecord {
  readonly kind: ErrorKind;
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly retryable: boolean;
  readonly details: { readonly [key: string]: JsonValue };
  readonly stack?: string;
}

const classes = {
  spec: SpecError,
  data: DataError,
  model: ModelError,
  infra: InfraError,
  bug: BugError,
} as const;

/** Any thrown value as one of ours; what is unknown becomes a {@link BugError} that keeps its stack. */
export function asNightshiftError(thrown: unknown): NightshiftError {
  if (thrown instanceof NightshiftError) return thrown;
  if (thrown instanceof Error && thrown.name === "AbortError")
    return new CancelledError("interrupted", { cause: thrown });
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const bug = new BugError("bug", error.message, { cause: error });
  if (error.stack !== undefined) bug.stack = error.stack;
  return bug;
}

export function toErrorRecord(thrown: unknown): ErrorRecord {
  const error = asNightshiftError(thrown);
  return {
    kind: error.kind,
    code: error.code,
    message: error.message,
    retryable: error.retryable,
    details: error.details,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(error.kind === "bug" && error.stack !== undefined ? { stack: error.stack } : {}),
  };
}

export function fromErrorRecord(record: ErrorRecord): NightshiftError {
  const options: ErrorOptions = {
    details: record.details,
    ...(record.hint === undefined ? {} : { hint: record.hint }),
  };
  if (record.kind === "cancelled") {
    const code = record.code === "cancelled.run" ? record.code : "cancelled";
    return new CancelledError(record.message, options, code);
  }
  const error = new classes[record.kind](record.code, record.message, options);
  if (record.stack !== undefined) error.stack = record.stack;
  return error;
}

/** Returns the error with another hint; the code, the message, the details and the cause stay. */
export function withHint(error: NightshiftError, hint: string): NightshiftError {
  const changed = fromErrorRecord({ ...toErrorRecord(error), hint });
  changed.cause = error.cause;
  return changed;
}

/** Exit codes that people and schedulers rely on. */
export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  unreachable: 3,
  quarantined: 4,
  bug: 70,
  interrupted: 130,
  terminated: 143,
} as const;

/** The exit code that an error ends the command with. */
export function exitCodeOf(error: NightshiftError): number {
  switch (error.kind) {
    case "spec":
      return exitCodes.usage;
    case "infra":
      return error.code === "infra.unreachable" ? exitCodes.unreachable : exitCodes.failed;
    case "cancelled":
      return error.code === "cancelled.run" ? exitCodes.failed : exitCodes.interrupted;
    case "bug":
      return exitCodes.bug;
    default:
      return exitCodes.failed;
  }
}
