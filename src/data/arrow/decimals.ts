/**
 * Returns the unscaled integer of a decimal, stored as `words` little-endian 32-bit words in two's
 * complement.
 */
export function unscaledAt(values: Uint32Array, index: number, words: number): bigint {
  let whole = 0n;
  for (let word = words - 1; word >= 0; word--)
    whole = (whole << 32n) | BigInt(values[index * words + word] ?? 0);
  return BigInt.asIntN(words * 32, whole);
}
