/** Work that goes on: an iterable of its events, and a promise of its outcome. */

/** Iterate it for events, await `outcome` for the end. One reader; it may come late and may stop early. */
export interface Ongoing<E, O> extends AsyncIterable<E> {
  readonly outcome: Promise<O>;
}

/** Starts work that emits events. A caller that only iterates needs no handler for a rejected outcome. */
export function ongoing<E, O>(work: (emit: (event: E) => void) => Promise<O>): Ongoing<E, O> {
  const events = new EventQueue<E>();
  const outcome = work((event) => events.add(event)).finally(() => events.end());
  outcome.catch(() => undefined);
  return { outcome, [Symbol.asyncIterator]: () => events.drain() };
}

/** Events in their order. */
class EventQueue<E> {
  private readonly waiting: E[] = [];
  private wake: () => void = () => undefined;
  private isOver = false;

  add(event: E): void {
    this.waiting.push(event);
    this.wake();
  }

  end(): void {
    this.isOver = true;
    this.wake();
  }

  async *drain(): AsyncGenerator<E> {
    while (true) {
      for (let event = this.waiting.shift(); event !== undefined; event = this.waiting.shift()) yield event;
      if (this.isOver) return;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }
}

/** Makes it at the first call, and returns it from then on. */
export function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | null = null;
  return () => {
    made ??= make();
    return made;
  };
}
