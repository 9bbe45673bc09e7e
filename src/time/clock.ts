/** Time and identity are handed in, so that runs can be simulated and tests repeated. */
export interface Clock {
  /** Wall time; may jump. For people and records, never for measuring or deciding. */
  now(): Date;
  /** Milliseconds that only grow, from an arbitrary origin. */
  monotonicMs(): number;
}

/** Does something again and again until the returned function is called. */
export type Every = (intervalMs: number, work: () => void) => () => void;

/** Source of attempt ids: a fresh UUID at every call. */
export type NewId = () => string;
