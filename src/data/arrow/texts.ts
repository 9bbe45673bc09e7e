const encoder = new TextEncoder();

/** Encodes strings as Arrow lays them out. Each distinct string is encoded once, because labels repeat. */
export function encodeTexts(texts: readonly string[]): {
  readonly offsets: Int32Array;
  readonly bytes: Uint8Array;
} {
  const encoded = new Map<string, Uint8Array>();
  const offsets = new Int32Array(texts.length + 1);
  for (const [index, text] of texts.entries()) {
    let bytes = encoded.get(text);
    if (bytes === undefined) {
      bytes = encoder.encode(text);
      encoded.set(text, bytes);
    }
    offsets[index + 1] = (offsets[index] ?? 0) + bytes.length;
  }
  const bytes = new Uint8Array(offsets[texts.length] ?? 0);
  for (const [index, text] of texts.entries())
    bytes.set(encoded.get(text) ?? new Uint8Array(0), offsets[index] ?? 0);
  return { offsets, bytes };
}
