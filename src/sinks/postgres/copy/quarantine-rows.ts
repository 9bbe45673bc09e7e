/** Encodes rows that could not be scored for a binary COPY into `nightshift.quarantine`. */
import type { QuarantinedRows } from "../../../data/chunk.js";
import { CopyBuffer } from "./copy-buffer.js";
import { jsonOf } from "./json-text.js";
import { copyPieceBytes } from "./rows.js";

export const quarantineColumns = "nightshift.quarantine (attempt, key, file, row_number, reason, message)";

/** Removes U+0000, which `jsonb` rejects. A row may be quarantined because its key contains one. */
function withoutNul(json: string): string {
  return json.replace(/\\(u0000|.)/g, (whole, what) => (what === "u0000" ? "\\ufffd" : whole));
}

export function* quarantinePieces(rows: QuarantinedRows, attempt: number): Iterable<Buffer> {
  const out = new CopyBuffer();
  const key = rows.key === null || rows.key.numCols === 0 ? null : jsonOf(rows.key.data);
  for (const [row, rowNumber] of rows.rowNumbers.entries()) {
    out.ensure(32);
    out.int16(6);
    out.int32(4);
    out.int32(attempt);
    if (key === null) out.int32(-1);
    else out.text(withoutNul(key(row)), 1);
    out.text(rows.file);
    out.ensure(12);
    out.int32(8);
    out.int64(BigInt(rowNumber));
    out.text(rows.reasons[row] ?? "");
    out.text(rows.messages[row] ?? "");
    if (out.length >= copyPieceBytes) yield out.take();
  }
  if (out.length > 0) yield out.take();
}
