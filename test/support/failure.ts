/** What a promise fails with, when it is one of our errors. */
import { NightshiftError } from "../../src/errors.js";

/** @throws what else it was rejected with; Error where it was not */
export async function failure(work: Promise<unknown>): Promise<NightshiftError> {
  const error: unknown = await work.then(
    () => new Error("it did not fail"),
    (thrown: unknown) => thrown,
  );
  if (error instanceof NightshiftError) return error;
  throw error;
}
