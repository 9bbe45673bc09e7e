/**
 * How many attempts fit into a worker's memory at once. A plan's threads were counted for the machine that made it; this
 * one may be smaller, and what several runs need adds up.
 */
export interface MemoryRoom {
  /** Resolves when there is room; what needs more than there is goes in alone. In the order they came. */
  enter(attemptId: string, bytes: number): Promise<void>;
  /** May be repeated. */
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
