/** SQL for sums over accepted partitions: one flat object of numbers; see job/statistics.ts. */

/** Returns SQL that adds two such objects by name, in decimal arithmetic, so that large sums stay exact. */
export function addedSql(a: string, b: string): string {
  return `(select coalesce(jsonb_object_agg(key, value), '{}') from (
    select key, sum(value::text::numeric) as value
    from (select * from jsonb_each(${a}) union all select * from jsonb_each(${b})) each group by key) added)`;
}
