/**
 * Finds the rows that make a call fail, by halving: about `2 · log2(rows)` calls for a bad row. Every
 * reported row failed alone, so no row is blamed for another one's fault.
 *
 * @param attempt tries just these rows; resolves to the cause of the failure, or `null` on success
 */
export async function bisect<Cause>(
  rows: readonly number[],
  attempt: (rows: readonly number[]) => Promise<Cause | null>,
): Promise<ReadonlyMap<number, Cause>> {
  const bad = new Map<number, Cause>();
  await search(rows);
  return bad;

  async function search(suspects: readonly number[]): Promise<void> {
    const [first] = suspects;
    if (first === undefined) return;
    const cause = await attempt(suspects);
    if (cause === null) return;
    if (suspects.length === 1) {
      bad.set(first, cause);
      return;
    }
    const middle = suspects.length >> 1;
    await search(suspects.slice(0, middle));
    await search(suspects.slice(middle));
  }
}
