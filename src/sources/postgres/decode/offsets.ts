/** Offsets of a list column into its elements. */
export class Offsets {
  private ends = new Int32Array(257);
  rows = 0;

  push(end: number): void {
    this.rows += 1;
    if (this.rows >= this.ends.length) {
      const grown = new Int32Array(this.ends.length * 2);
      grown.set(this.ends);
      this.ends = grown;
    }
    this.ends[this.rows] = end;
  }

  take(): Int32Array {
    const taken = this.ends.subarray(0, this.rows + 1);
    this.rows = 0;
    return taken;
  }
}
