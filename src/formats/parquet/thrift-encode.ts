/** A tree back to Thrift's compact protocol. */
import { type ThriftList, type ThriftStruct, type ThriftValue, wire } from "./thrift.js";

export function encodeThrift(root: ThriftStruct): Uint8Array {
  const writer = new ThriftWriter();
  writer.struct(root);
  return writer.finish();
}

class ThriftWriter {
  private bytes = new Uint8Array(64 * 1024);
  private length = 0;

  struct(struct: ThriftStruct): void {
    let previous = 0;
    for (const { id, type, value } of struct.fields) {
      const delta = id - previous;
      if (delta > 0 && delta < 16) this.byte((delta << 4) | type);
      else {
        this.byte(type);
        this.zigzag(id);
      }
      previous = id;
      this.value(type, value);
    }
    this.byte(0);
  }

  finish(): Uint8Array {
    return this.bytes.slice(0, this.length);
  }

  private value(type: number, value: ThriftValue): void {
    if (typeof value === "boolean") return; // Its type says it.
    if (value instanceof Uint8Array) {
      this.varint(BigInt(value.byteLength));
      this.append(value);
    } else if (typeof value === "object") {
      if ("fields" in value) this.struct(value);
      else this.list(value);
    } else if (type === wire.byte) this.byte(Number(value));
    else if (type === wire.double) this.double(Number(value));
    else this.zigzag(value);
  }

  private list({ elementType, items }: ThriftList): void {
    if (items.length < 15) this.byte((items.length << 4) | elementType);
    else {
      this.byte(0xf0 | elementType);
      this.varint(BigInt(items.length));
    }
    const isBool = elementType === wire.true || elementType === wire.false;
    for (const item of items) this.value(isBool ? wire.byte : elementType, item);
  }

  private zigzag(value: number | bigint): void {
    const big = BigInt(value);
    this.varint(big >= 0n ? big << 1n : (-big << 1n) - 1n);
  }

  private varint(value: bigint): void {
    let rest = value;
    while (rest >= 0x80n) {
      this.byte(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    this.byte(Number(rest));
  }

  private double(value: number): void {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setFloat64(0, value, true);
    this.append(bytes);
  }

  private byte(value: number): void {
    this.reserve(1);
    this.bytes[this.length++] = value;
  }

  private append(bytes: Uint8Array): void {
    this.reserve(bytes.byteLength);
    this.bytes.set(bytes, this.length);
    this.length += bytes.byteLength;
  }

  private reserve(count: number): void {
    if (this.length + count <= this.bytes.byteLength) return;
    const grown = new Uint8Array(Math.max(this.bytes.byteLength * 2, this.length + count));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }
}
