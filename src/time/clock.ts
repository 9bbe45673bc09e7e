/** Source of time. It is a parameter, so that tests can simulate and repeat runs. */
export interface Clock {
  /** Wall time; may jump. Use it for display and records, never for measuring or decisions. */
  now(): Date;
  /** Monotonic milliseconds from an arbitrary origin. */
  monotonicMs(): number;
}

/** Runs `work` repeatedly until the returned function is called. */
export type Every = (intervalMs: number, work: () => void) => () => void;

/** Source of attempt ids: returns a new UUID at every call. */
export type NewId = () => string;
