/**
 * Digest of the bytes that a slice was read from: cheap enough for every byte, and only against accidental
 * changes.
 */
import { crc32 } from "node:zlib";

export class SliceDigest {
  private sum = 0;

  readonly add = (bytes: Uint8Array): void => {
    this.sum = crc32(bytes, this.sum);
  };

  /** Includes the name of the algorithm, so that a later version can use another one. */
  toString(): string {
    return `crc32:${this.sum.toString(16).padStart(8, "0")}`;
  }
}
