/** What a soak has seen: by its ledger's events, and by who was killed when. */
import type { Fleet, WorkerProcess } from "./queue-fleet.js";

export type SoakReport = { readonly [what: string]: unknown };

/** A partition whose worker was killed. */
export interface Orphan {
  readonly runId: unknown;
  readonly partition: unknown;
  readonly killedMs: number;
}

/** What it has started, and not ended. */
export function underWay({ events }: WorkerProcess) {
  const open = new Map<string, { readonly runId: unknown; readonly partition: unknown }>();
  for (const { type, runId, partition, epoch } of events) {
    const key = JSON.stringify([runId, partition, epoch]);
    if (type === "partition.started") open.set(key, { runId, partition });
    else open.delete(key);
  }
  return [...open.values()];
}

/** What the ledger has seen, and the seconds from a worker's death until its partitions were accepted. */
export async function storyOf({ database }: Fleet, orphans: readonly Orphan[]): Promise<SoakReport> {
  const rows = await database.query<{ what: string; count: number }>(
    `select body->>'type' || coalesce(' ' || (body->'error'->>'code'), '') as what, count(*)::int as count
     from nightshift.ledger_events group by 1 order by 1`,
  );
  const [starts] = await database.query<{ most: number }>(
    `select max(n)::int as most from (select count(*) as n from nightshift.ledger_events
     where body->>'type' = 'partition.started' group by run_id, body->>'partition') each`,
  );
  const redone = await database.query<{ p50: number; p95: number; most: number; times: number }>(
    `select percentile_cont(0.5) within group (order by took) as p50,
            percentile_cont(0.95) within group (order by took) as p95, max(took) as most, count(*)::int as times
     from (
       select extract(epoch from min(e.at))::float8 - (o->>'killedMs')::float8 / 1000 as took
       from json_array_elements($1::json) o join nightshift.ledger_events e
         on e.run_id = o->>'runId' and e.body->>'type' = 'partition.accepted' and e.body->>'partition' = o->>'partition'
       where extract(epoch from e.at) * 1000 > (o->>'killedMs')::float8
       group by o::text, o->>'killedMs'
     ) each`,
    [JSON.stringify(orphans)],
  );
  return {
    attempts: {
      ...Object.fromEntries(rows.map(({ what, count }) => [what, count])),
      "most for one partition": starts?.most,
    },
    "recovered after a kill, seconds": redone[0],
  };
}
