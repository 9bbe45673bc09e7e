/** Errors for refusals by a queue's server. */
import { type ErrorOptions, InfraError } from "../errors.js";

/**
 * A coordinator's run and a worker end after this time if the server still refuses for a reason that only an
 * operator can change.
 */
export const refusedForMs = 10_000;

/** The server answers and will refuse the same call until an operator changes something. */
export function queueRefused(message: string, options: ErrorOptions): InfraError {
  return new InfraError("infra.queue-refused", message, options);
}

/**
 * The server answers but accepts nothing at present: it is full, starting, or not a primary. It may recover
 * by itself.
 */
export function queueUnready(message: string, options: ErrorOptions): InfraError {
  return new InfraError("infra.queue-unready", message, options);
}

export function isQueueRefused(thrown: unknown): thrown is InfraError {
  return thrown instanceof InfraError && thrown.code === "infra.queue-refused";
}

export function isQueueUnready(thrown: unknown): thrown is InfraError {
  return thrown instanceof InfraError && thrown.code === "infra.queue-unready";
}
