/** What the planner keeps of partitions that stream past: sums, the digest of what they read, and none of them. */
import { createHash } from "node:crypto";
import { describeInput, inputKind } from "../job/input.js";
import type { Job } from "../job/job.js";
import type { Partition, PlanTotals } from "../job/partition.js";

/** Partitions are handed on in groups of this many. */
const groupSize = 256;

/** Holds no partition but the first one with rows. */
export class PartitionTally {
  private group: Partition[] = [];
  private readonly inputs = createHash("sha256");
  private files = 0;
  private partitions = 0;
  private rows = 0;
  private bytes = 0;
  private lastFile = "";
  private lastIdentity = "";
  private isEstimate = false;
  peakBytes = 0;
  peakFile = "";
  firstWithRows: Partition | null = null;

  constructor(
    private readonly job: Pick<Job, "input">,
    private readonly onPartitions: (partitions: readonly Partition[]) => void,
  ) {}

  add(partition: Partition): void {
    const kind = inputKind(this.job.input);
    const slices = kind.slicesOf(partition);
    this.partitions += 1;
    this.rows += partition.rows;
    this.bytes += partition.bytes;
    if (partition.rows > 0) this.firstWithRows ??= partition;
    if (partition.peakBytes > this.peakBytes) {
      this.peakBytes = partition.peakBytes;
      this.peakFile = slices[0]?.file.path ?? describeInput(this.job.input);
    }
    if (!kind.hasExactRows(partition)) this.isEstimate = true;
    for (const { file } of slices) {
      if (file.path !== this.lastFile) this.files += 1;
      this.lastFile = file.path;
    }
    for (const identity of kind.identitiesOf(partition)) {
      if (identity !== this.lastIdentity) this.inputs.update(`${identity}\n`);
      this.lastIdentity = identity;
    }
    this.group.push(partition);
    if (this.group.length >= groupSize) this.flush();
  }

  flush(): void {
    if (this.group.length > 0) this.onPartitions(this.group);
    this.group = [];
  }

  get totals(): PlanTotals {
    const { files, partitions, rows, bytes } = this;
    return { files, partitions, rows, ...(this.isEstimate ? { rowsEstimated: true } : {}), bytes };
  }

  inputsDigest(): string {
    return this.inputs.copy().digest("hex");
  }
}
