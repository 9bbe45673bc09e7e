/**
 * Counters in shared memory between a worker host and one of its threads. A thread inside a model call does
 * not answer messages, so progress is read and cancellation is written here.
 */

import type { Step } from "../job/partition.js";
import type { PartitionProgress } from "./host.js";

const steps: readonly Step[] = ["read", "hook", "bind", "predict", "attach", "write", "stage"];
/** `step` counts from 1, because fresh memory is zero, which means that nothing has been done yet. */
const slots = { cancelled: 0, rows: 1, quarantined: 2, step: 3 } as const;

export class SharedProgress {
  private readonly cells: BigInt64Array<SharedArrayBuffer>;

  constructor(
    readonly memory: SharedArrayBuffer = new SharedArrayBuffer(4 * BigInt64Array.BYTES_PER_ELEMENT),
  ) {
    this.cells = new BigInt64Array(memory);
  }

  cancel(): void {
    Atomics.store(this.cells, slots.cancelled, 1n);
  }

  get isCancelled(): boolean {
    return Atomics.load(this.cells, slots.cancelled) === 1n;
  }

  write(progress: PartitionProgress): void {
    Atomics.store(this.cells, slots.rows, BigInt(progress.rows));
    Atomics.store(this.cells, slots.quarantined, BigInt(progress.quarantined));
    Atomics.store(
      this.cells,
      slots.step,
      BigInt(progress.step === null ? 0 : steps.indexOf(progress.step) + 1),
    );
  }

  read(): PartitionProgress {
    return {
      rows: Number(Atomics.load(this.cells, slots.rows)),
      quarantined: Number(Atomics.load(this.cells, slots.quarantined)),
      step: steps[Number(Atomics.load(this.cells, slots.step)) - 1] ?? null,
    };
  }
}
