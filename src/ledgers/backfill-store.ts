/**
 * Stores the state of backfills that score everything again: from a publication alone one cannot determine
 * whether an interval was published before such a backfill or by it. The other kinds of backfill need no
 * state.
 */

/**
 * The newest generation of each interval, by scope, when the backfill began; 0 for an interval without one.
 */
export interface Baseline {
  readonly startedAt: string;
  readonly generations: { readonly [scope: string]: number };
}

export interface BackfillStore {
  /** Returns the baseline of an unfinished backfill, or `null` if there is none under this key. */
  read(key: string): Promise<Baseline | null>;
  /**
   * Stores a baseline; it is durable when the promise resolves. If the key has one already, that one stays
   * and is returned.
   */
  begin(key: string, baseline: Baseline): Promise<Baseline>;
  /**
   * Removes the baseline of a finished backfill: the next backfill under this key starts anew. May be
   * repeated.
   */
  finish(key: string): Promise<void>;
}
