/** The unscaled integer of a decimal: `words` 32-bit words, little-endian, in two's complement. */
export function unscaledAt(values: Uint32Array, index: number, words: number): bigint {
  let whole = 0n;
  for (let word = words - 1; word >= 0; word--)
    whole = (whole << 32n) | BigInt(values[index * words + word] ?? 0);
  return BigInt.asIntN(words * 32, whole);
}
