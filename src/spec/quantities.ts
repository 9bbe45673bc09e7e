/** Converts durations and sizes with units. Schemas have checked the syntax before. */

export const durationSyntax = /^(?:\d+(?:ms|s|m|h|d))+$/;

const unitMs: { readonly [unit: string]: number } = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** `1h30m` -> 5,400,000. */
export function parseDurationMs(text: string): number {
  let total = 0;
  for (const [, amount, unit = ""] of text.matchAll(/(\d+)(ms|s|m|h|d)/g))
    total += Number(amount) * (unitMs[unit] ?? 0);
  return total;
}

export const sizeSyntax = /^\d+(?:\.\d+)? ?(?:B|[KMGT]i?B)$/;

/** `2GiB` -> 2,147,483,648; `2GB` -> 2,000,000,000. */
export function parseSizeBytes(text: string): number {
  const [, amount = "0", prefix = "", binary] = /^([\d.]+) ?([KMGT]?)(i?)B$/.exec(text) ?? [];
  const power = " KMGT".indexOf(prefix === "" ? " " : prefix);
  return Math.round(Number(amount) * (binary === "i" ? 1024 : 1000) ** power);
}
