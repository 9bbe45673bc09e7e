/**
 * Serialises the use of a device by several threads. ONNX Runtime has one WebGPU context for each process,
 * which is not thread-safe: two active sessions crash the process (segmentation fault). One session at a time
 * works, from any thread: while one thread uses the device, the others read, bind and write.
 */

/**
 * Waits for the device, uses it, and releases it. A waiting thread does not answer messages, as inside a
 * model call.
 */
export type Turns = <T>(use: () => Promise<T>) => Promise<T>;

const free = 0;
const taken = 1;

/** Creates the shared memory for {@link takeTurns}, one for the threads of a process. */
export function turnsMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
}

export function takeTurns(memory: SharedArrayBuffer): Turns {
  const cell = new Int32Array(memory);
  // Calls of one thread are queued here: if it waited below for its own turn, it would wait forever.
  let last: Promise<unknown> = Promise.resolve();
  return (use) => {
    const turn = last.then(async () => {
      while (Atomics.compareExchange(cell, 0, free, taken) !== free) Atomics.wait(cell, 0, taken);
      try {
        return await use();
      } finally {
        Atomics.store(cell, 0, free);
        Atomics.notify(cell, 0, 1);
      }
    });
    last = turn.catch(() => undefined);
    return turn;
  };
}

/** For resources that threads may use concurrently. */
export const sideBySide: Turns = (use) => use();
