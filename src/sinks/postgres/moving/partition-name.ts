/** Names a new native partition after its value. */
import { createHash } from "node:crypto";

/** Bytes of the table's name that the partition's name begins with. PostgreSQL cuts names after 63 bytes. */
const tableBytes = 30;
const valueCharacters = 20;
const digestCharacters = 8;

/**
 * Returns a name of at most 63 bytes that is not taken: the table's and the value's, with a digest of the value if two
 * values or another relation would have the same name.
 */
export function partitionName(table: string, value: string, isTaken: (name: string) => boolean): string {
  const plain = value.replaceAll(/[^A-Za-z0-9]+/g, "_").slice(0, valueCharacters);
  const wanted = `${firstBytes(table, tableBytes)}_${plain}`;
  for (let times = 0; ; times++) {
    const name = times === 0 ? wanted : `${wanted}_${digestOf(value, times)}`;
    if (!isTaken(name)) return name;
  }
}

function digestOf(value: string, times: number): string {
  return createHash("sha256").update(`${times} ${value}`).digest("hex").slice(0, digestCharacters);
}

/** Whole characters only. */
function firstBytes(text: string, bytes: number): string {
  let cut = "";
  for (const character of text) {
    if (Buffer.byteLength(cut + character) > bytes) break;
    cut += character;
  }
  return cut;
}
