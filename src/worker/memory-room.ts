/**
 * Limits the attempts that run in a worker at once to those that fit into its memory. A plan's thread count
 * was chosen for the machine that made the plan; this machine may be smaller, and attempts of several runs
 * add up.
 */
export interface MemoryRoom {
  /**
   * Resolves when there is enough memory, in order of arrival. An attempt that needs more than the whole
   * memory runs alone.
   */
  enter(attemptId: string, bytes: number): Promise<void>;
  /** Releases the memory of an attempt. May be repeated. */
  leave(attemptId: string): void;
}

export function memoryRoom(limitBytes: number): MemoryRoom {
  const inside = new Map<string, number>();
  const waiting: { readonly attemptId: string; readonly bytes: number; readonly enter: () => void }[] = [];

  function letIn(): void {
    for (let next = waiting[0]; next !== undefined && fits(next.bytes); next = waiting[0]) {
      waiting.shift();
      inside.set(next.attemptId, next.bytes);
      next.enter();
    }
  }

  function fits(bytes: number): boolean {
    let used = 0;
    for (const each of inside.values()) used += each;
    return inside.size === 0 || used + bytes <= limitBytes;
  }

  return {
    enter: (attemptId, bytes) =>
      new Promise((enter) => {
        waiting.push({ attemptId, bytes, enter });
        letIn();
      }),
    leave(attemptId) {
      if (inside.delete(attemptId)) letIn();
    },
  };
}
