/**
 * One line of an NDJSON file with its own checksum: `{"crc":"1a2b3c4d",...}`. The checksum is the CRC-32 of
 * everything after it, so a line is plain JSON for other tools and every flipped bit is detected.
 */
import { crc32 } from "node:zlib";

const opening = '{"crc":"';
const prefixBytes = opening.length + 8 + '",'.length;

export const newline = 0x0a;

export type LineBody = { readonly [key: string]: unknown };

/** @param body with at least one field. @returns the line, newline included. */
export function encodeLine(body: object): string {
  const rest = `${JSON.stringify(body).slice(1)}\n`;
  return `${opening}${checksum(Buffer.from(rest.slice(0, -1)))}",${rest}`;
}

/** @param bytes one line without its newline. @returns `null` if the line is damaged. */
export function decodeLine(bytes: Uint8Array): LineBody | null {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (text.length <= prefixBytes || text.toString("latin1", 0, opening.length) !== opening) return null;
  const written = text.toString("latin1", opening.length, opening.length + 8);
  if (written !== checksum(text.subarray(prefixBytes))) return null;
  // The checksum does not cover the two bytes between itself and the rest; parsing does.
  try {
    const body: unknown = JSON.parse(text.toString("utf8"));
    return typeof body === "object" && body !== null ? (body as LineBody) : null;
  } catch {
    return null;
  }
}

/** Like {@link decodeLine}, for a line with its newline that is a whole file or a known range of one. */
export function decodeTerminatedLine(bytes: Uint8Array): LineBody | null {
  return bytes.at(-1) === newline ? decodeLine(bytes.subarray(0, -1)) : null;
}

function checksum(bytes: Uint8Array): string {
  return crc32(bytes).toString(16).padStart(8, "0");
}
