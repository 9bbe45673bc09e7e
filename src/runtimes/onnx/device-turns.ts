/**
 * Turns on a device that threads share. ONNX Runtime keeps one WebGPU context a process, which is not made for threads:
 * two sessions at work at once end the process (segmentation fault). One at a time is fine, from any thread: while one
 * is on the device, the others read, bind and write.
 */

/** Waits for the device, uses it, and gives it back. A thread that waits answers nothing, as inside a model call. */
export type Turns = <T>(use: () => Promise<T>) => Promise<T>;

const free = 0;
const taken = 1;

/** Room for {@link takeTurns}, to be shared by the threads of a process. */
export function turnsMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
}

export function takeTurns(memory: SharedArrayBuffer): Turns {
  const cell = new Int32Array(memory);
  // Among themselves the calls of one thread queue up here: waiting below for its own turn, it would wait for ever.
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

/** For what threads may use side by side. */
export const sideBySide: Turns = (use) => use();
