/**
 * Thrift's compact protocol to a tree. The bytes come from anywhere, so each length is checked against the bytes that
 * are left before anything is allocated: a hostile footer costs at most a multiple of its own size.
 */
import {
  ThriftError,
  type ThriftField,
  type ThriftList,
  type ThriftStruct,
  type ThriftValue,
  wire,
} from "./thrift.js";

const maxDepth = 32;

/**
 * @param undecoded field of the outermost structure, a list: its elements stay the bytes that they are, each of which
 * can be decoded by itself later. A tree takes many times the memory of its bytes.
 */
export function decodeThrift(bytes: Uint8Array, undecoded: number | null = null): ThriftStruct {
  return new ThriftReader(bytes, undecoded).struct(0);
}

class ThriftReader {
  private offset = 0;
  private readonly view: DataView;

  constructor(
    private readonly bytes: Uint8Array,
    private readonly undecoded: number | null,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  struct(depth: number): ThriftStruct {
    if (depth > maxDepth) throw new ThriftError("structures are nested too deeply");
    const fields: ThriftField[] = [];
    let id = 0;
    for (let header = this.byte(); header !== 0; header = this.byte()) {
      const type = header & 0x0f;
      id = header >> 4 === 0 ? Number(this.zigzag()) : id + (header >> 4);
      const raw = depth === 0 && id === this.undecoded && type === wire.list;
      fields.push({ id, type, value: raw ? this.list(depth + 1, true) : this.value(type, depth) });
    }
    return { fields };
  }

  private value(type: number, depth: number): ThriftValue {
    switch (type) {
      case wire.true:
        return true;
      case wire.false:
        return false;
      case wire.byte:
        return this.byte();
      case wire.i16:
      case wire.i32:
      case wire.i64:
        return this.zigzag();
      case wire.double:
        return this.double();
      case wire.binary:
        return this.binary();
      case wire.list:
      case wire.set:
        return this.list(depth + 1);
      case wire.struct:
        return this.struct(depth + 1);
      default:
        throw new ThriftError(`unknown field type ${type} at byte ${this.offset}`);
    }
  }

  private list(depth: number, raw = false): ThriftList {
    const header = this.byte();
    const elementType = header & 0x0f;
    const count = header >> 4 === 15 ? Number(this.varint()) : header >> 4;
    // Every element takes at least a byte.
    if (count > this.left) throw new ThriftError(`a list claims ${count} elements in ${this.left} bytes`);
    const isBool = elementType === wire.true || elementType === wire.false;
    const items: ThriftValue[] = [];
    for (let i = 0; i < count; i++) {
      const start = this.offset;
      const value = this.value(isBool ? wire.byte : elementType, depth);
      items.push(raw ? this.bytes.subarray(start, this.offset) : value);
    }
    return { elementType, items };
  }

  private binary(): Uint8Array {
    const length = Number(this.varint());
    if (length > this.left) throw new ThriftError(`a value claims ${length} bytes of ${this.left}`);
    this.offset += length;
    return this.bytes.subarray(this.offset - length, this.offset);
  }

  private double(): number {
    if (this.left < 8) throw new ThriftError("it ends within a number");
    this.offset += 8;
    return this.view.getFloat64(this.offset - 8, true);
  }

  /** Numbers as long as they are exact, which all but malformed ones are. */
  private zigzag(): number | bigint {
    const value = this.varint();
    if (typeof value === "number") return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
    const decoded = (value >> 1n) ^ -(value & 1n);
    const exact = decoded >= Number.MIN_SAFE_INTEGER && decoded <= Number.MAX_SAFE_INTEGER;
    return exact ? Number(decoded) : decoded;
  }

  private varint(): number | bigint {
    let small = 0;
    let big = 0n;
    for (let i = 0; i < 10; i++) {
      const byte = this.byte();
      // Seven groups of seven bits stay below 2^53.
      if (i < 7) small += (byte & 0x7f) * 2 ** (7 * i);
      else big += BigInt(byte & 0x7f) << BigInt(7 * i);
      if (byte < 0x80) return i < 7 ? small : big + BigInt(small);
    }
    throw new ThriftError(`an integer at byte ${this.offset} has no end`);
  }

  private byte(): number {
    const byte = this.bytes[this.offset++];
    if (byte === undefined) throw new ThriftError("it ends within a structure");
    return byte;
  }

  private get left(): number {
    return this.bytes.byteLength - this.offset;
  }
}
