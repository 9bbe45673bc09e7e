/**
 * A growing buffer for binary COPY data. The buffers that it returns contain whole rows and are never reused.
 */
const firstBytes = 64 * 1024;

export class CopyBuffer {
  private bytes = Buffer.allocUnsafe(firstBytes);
  private view = viewOf(this.bytes);
  length = 0;

  /** Ensures space for this number of additional bytes. */
  ensure(more: number): void {
    if (this.length + more <= this.bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.bytes.length * 2, this.length + more));
    this.bytes.copy(grown, 0, 0, this.length);
    this.bytes = grown;
    this.view = viewOf(grown);
  }

  int8(value: number): void {
    this.view.setInt8(this.length, value);
    this.length += 1;
  }

  int16(value: number): void {
    this.view.setInt16(this.length, value);
    this.length += 2;
  }

  int32(value: number): void {
    this.view.setInt32(this.length, value);
    this.length += 4;
  }

  int64(value: bigint): void {
    this.view.setBigInt64(this.length, value);
    this.length += 8;
  }

  float32(value: number): void {
    this.view.setFloat32(this.length, value);
    this.length += 4;
  }

  float64(value: number): void {
    this.view.setFloat64(this.length, value);
    this.length += 8;
  }

  /** Ensures the space itself. */
  raw(value: Uint8Array): void {
    this.ensure(value.length);
    this.bytes.set(value, this.length);
    this.length += value.length;
  }

  /** Writes the text with its length in front; ensures the space itself. `prefix`: a byte between the two. */
  text(value: string, prefix?: number): void {
    this.ensure(5 + value.length * 3);
    const start = this.length;
    this.length += 4;
    if (prefix !== undefined) this.int8(prefix);
    this.length += this.bytes.write(value, this.length, "utf8");
    this.view.setInt32(start, this.length - start - 4);
  }

  /** Sets a length that was not known when its place was reserved: see {@link int32}. */
  lengthAt(start: number): void {
    this.view.setInt32(start, this.length - start - 4);
  }

  /** Returns the content and continues with a new, empty buffer. */
  take(): Buffer {
    const taken = this.bytes.subarray(0, this.length);
    this.bytes = Buffer.allocUnsafe(this.bytes.length);
    this.view = viewOf(this.bytes);
    this.length = 0;
    return taken;
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
