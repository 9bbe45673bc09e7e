export type FileKind = "json" | "csv" | "parquet";

/** By the ending of its name. @throws RangeError */
export function fileKind(path: string): FileKind {
  const kind = /\.(json|csv|parquet)$/i.exec(path)?.[1]?.toLowerCase();
  if (kind === undefined) throw new RangeError("its name ends neither in .json, .csv nor .parquet");
  return kind as FileKind;
}

/** @throws RangeError where it is not UTF-8 */
export function readText(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new RangeError("it is not UTF-8");
  }
}
