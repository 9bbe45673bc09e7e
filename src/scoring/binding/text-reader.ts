/** Reads text columns value by value. Categories repeat, so decoded texts are cached by their bytes. */
import { type Data, DataType, Type, Vector } from "apache-arrow";
import { BugError } from "../../errors.js";

/** Returns `null` for bytes that are not UTF-8. */
export type TextAt = (index: number) => string | null;

/** Reads text unchanged, bytes as UTF-8, integers in decimal. The content for null slots is undefined. */
export function textReader(data: Data, column: string, decoder: TextDecoderCache): TextAt {
  const { type, values } = data;
  if (DataType.isDictionary(type)) return dictionaryReader(data, column, decoder);
  switch (type.typeId) {
    case Type.Null:
      return () => "";
    case Type.Utf8:
    case Type.LargeUtf8: {
      const offsets = data.valueOffsets as Int32Array | BigInt64Array;
      return (index) => decoder.decode(values, Number(offsets[index]), Number(offsets[index + 1]));
    }
    case Type.Binary: {
      const offsets = data.valueOffsets as Int32Array;
      return (index) => {
        const [start, end] = [offsets[index] ?? 0, offsets[index + 1] ?? 0];
        const text = decoder.decode(values, start, end);
        return text.includes(replacementCharacter) && !isUtf8(values.subarray(start, end)) ? null : text;
      };
    }
    case Type.Int:
      return (index) => String(values[index]);
    case Type.Utf8View: {
      const vector = new Vector([data]);
      return (index) => vector.get(index) ?? "";
    }
    default:
      throw new BugError("bug.bind", `column "${column}" is ${String(type)}, which was not planned for`);
  }
}

/** The character that a decoder writes for invalid UTF-8; a text may also contain it. */
const replacementCharacter = "\u{fffd}";

function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

/** Entries are decoded on first use, because a dictionary may be larger than its chunk. */
function dictionaryReader(data: Data, column: string, decoder: TextDecoderCache): TextAt {
  const readers = (data.dictionary?.data ?? []).map((values) => ({
    length: values.length,
    at: textReader(values, column, decoder),
  }));
  const entries: (string | null)[] = [];
  const indices = data.values as Int32Array;
  return (index) => {
    const entry = Number(indices[index]);
    const known = entries[entry];
    if (known !== undefined) return known;
    let local = entry;
    for (const { length, at } of readers) {
      if (local < length) {
        const text = at(local);
        entries[entry] = text;
        return text;
      }
      local -= length;
    }
    return "";
  };
}

export interface TextDecoderCache {
  /** The text between two byte positions, `end` exclusive. */
  decode(bytes: Uint8Array, start: number, end: number): string;
}

const slots = 4096;
const longestCached = 64;

/**
 * A direct-mapped cache: one slot for each hash; a new text replaces the old one. It copies the bytes that it
 * compares.
 */
export function createTextDecoderCache(): TextDecoderCache {
  // A text may begin with U+FEFF, which is part of it: only files begin with a byte order mark.
  const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
  const keys: (Uint8Array | undefined)[] = new Array(slots);
  const texts: string[] = new Array(slots).fill("");
  return {
    decode(bytes, start, end) {
      if (end === start) return "";
      if (end - start > longestCached) return utf8.decode(bytes.subarray(start, end));
      const slot = hash(bytes, start, end) & (slots - 1);
      const key = keys[slot];
      if (key !== undefined && sameBytes(key, bytes, start, end)) return texts[slot] ?? "";
      const text = utf8.decode(bytes.subarray(start, end));
      keys[slot] = bytes.slice(start, end);
      texts[slot] = text;
      return text;
    },
  };
}

/** FNV-1a. */
function hash(bytes: Uint8Array, start: number, end: number): number {
  let value = 0x811c9dc5;
  for (let index = start; index < end; index++) value = Math.imul(value ^ (bytes[index] ?? 0), 0x01000193);
  return value ^ (value >>> 15);
}

function sameBytes(key: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (key.length !== end - start) return false;
  for (let index = 0; index < key.length; index++) if (key[index] !== bytes[start + index]) return false;
  return true;
}
