import { expect, test } from "vitest";
import { decodeLine, decodeTerminatedLine, encodeLine } from "../../src/ledgers/journal/line.js";

const body = { v: 1, text: 'délai "quoted"\n\u2028🌙', numbers: [1, 2.5, -3e-7], nothing: null };

test("a line is plain JSON for any other tool, on one line", () => {
  const line = encodeLine(body);
  expect(line.endsWith("\n")).toBe(true);
  expect(line.slice(0, -1)).not.toContain("\n");
  const { crc, ...rest } = JSON.parse(line);
  expect(crc).toMatch(/^[0-9a-f]{8}$/);
  expect(rest).toEqual(body);
});

test("it reads back as it was written", () => {
  const bytes = Buffer.from(encodeLine(body));
  expect(decodeTerminatedLine(bytes)).toMatchObject(body);
  expect(decodeLine(bytes.subarray(0, -1))).toMatchObject(body);
});

test("any single flipped bit is noticed", () => {
  const bytes = Buffer.from(encodeLine(body));
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = Buffer.from(bytes);
    const at = Math.floor(bit / 8);
    flipped[at] = (flipped[at] ?? 0) ^ (1 << (bit % 8));
    expect(decodeTerminatedLine(flipped), `bit ${bit % 8} of byte ${at}`).toBeNull();
  }
});

test("any shorter piece is noticed", () => {
  const bytes = Buffer.from(encodeLine(body));
  for (let length = 0; length < bytes.length - 1; length++)
    expect(decodeLine(bytes.subarray(0, length)), `${length} bytes`).toBeNull();
});
