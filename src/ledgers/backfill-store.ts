/**
 * Remembers the backfills that score everything again: whether an interval was published before such a backfill or by
 * it cannot be told from its publication alone. The other kinds need no memory.
 */

/** The newest generation of each interval, by scope, when the backfill began; 0 where there was none. */
export interface Baseline {
  readonly startedAt: string;
  readonly generations: { readonly [scope: string]: number };
}

export interface BackfillStore {
  /** The baseline of a backfill that was begun and not finished, or `null`. */
  read(key: string): Promise<Baseline | null>;
  /** Durable when it returns. Where there is one under this key already, that one stays and is returned. */
  begin(key: string, baseline: Baseline): Promise<Baseline>;
  /** Everything is done: the next backfill under this key begins anew. May be repeated. */
  finish(key: string): Promise<void>;
}
