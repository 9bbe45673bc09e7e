/**
 * IEEE 754 half-precision floats as raw bits, as used by float16 tensors and columns and by `halfvec` of
 * pgvector.
 */

const decoded = new Float64Array(65_536);
for (let bits = 0; bits < 65_536; bits++) decoded[bits] = decode(bits);

export function halfToDouble(bits: number): number {
  return decoded[bits] ?? 0;
}

const word = new Float64Array(1);
const halves = new Uint32Array(word.buffer);
/**
 * Factors by exponent, from -14, that scale a value so that its leading bit and the ten bits behind it form
 * an integer.
 */
const scales = Float64Array.from({ length: 30 }, (_, at) => 2 ** (24 - at));

/**
 * Rounds to nearest, ties to even. It avoids logarithms because it runs for every number of every embedding.
 */
export function doubleToHalf(value: number): number {
  word[0] = value;
  // The high 32 bits: sign, eleven bits of exponent, the first bits of the fraction.
  const high = halves[1] ?? 0;
  const sign = (high >>> 16) & 0x8000;
  const magnitude = Math.abs(value);
  if (Number.isNaN(value)) return 0x7e00;
  if (magnitude >= 65_520) return sign | 0x7c00;
  // Subnormals count in units of 2^-24; normals have ten bits behind the leading one.
  if (magnitude < 2 ** -14) return sign | roundToEven(magnitude * 2 ** 24);
  const above = ((high >>> 20) & 0x7ff) - 1023 + 14;
  return sign | ((above << 10) + roundToEven(magnitude * (scales[above] ?? 0)));
}

/**
 * Adding 2^52 leaves no room for fraction bits, so the processor rounds them away: to nearest, ties to even.
 */
function roundToEven(value: number): number {
  return value + 2 ** 52 - 2 ** 52;
}

function decode(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
