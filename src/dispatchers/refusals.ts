/** What a queue's server refuses, worded in one place, and who has to act. */
import { type ErrorOptions, InfraError } from "../errors.js";

/** After which a coordinator's run and a worker end, where the server still refuses what only a person can change. */
export const refusedForMs = 10_000;

/** The server answers and will refuse the same again until a person changes something. */
export function queueRefused(message: string, options: ErrorOptions): InfraError {
  return new InfraError("infra.queue-refused", message, options);
}

/** The server answers, and takes nothing just now: it is full, starting, or no primary. It may get over it by itself. */
export function queueUnready(message: string, options: ErrorOptions): InfraError {
  return new InfraError("infra.queue-unready", message, options);
}

export function isQueueRefused(thrown: unknown): thrown is InfraError {
  return thrown instanceof InfraError && thrown.code === "infra.queue-refused";
}

export function isQueueUnready(thrown: unknown): thrown is InfraError {
  return thrown instanceof InfraError && thrown.code === "infra.queue-unready";
}
