import { createDatabase } from "../support/postgres-server.js";
import { queryOf, sourceOf } from "../support/postgres-source.js";
import { sourceConformance } from "./source.js";

const reads = [
  { name: "a PostgreSQL table", of: (table: string) => `public.${table}` },
  { name: "a PostgreSQL query", of: (table: string) => queryOf(`select * from ${table}`) },
] as const;

for (const read of reads)
  sourceConformance(`of ${read.name}`, async () => {
    const database = await createDatabase();
    let tables = 0;
    return {
      isOrdered: false,
      async open(rows) {
        const table = `input_${tables++}`;
        await database.query(
          `create table ${table} as select k::int8 as id, k / 2.0::float8 as x,
           case when k % 7 = 3 then null else 'w' || k end as word from generate_series(0, ${rows - 1}) k;
         alter table ${table} add primary key (id); analyze ${table}`,
        );
        const source = sourceOf(database.url, read.of(table), { key: ["id"] });
        return { source, remove: async () => void (await database.query(`drop table ${table}`)) };
      },
      close: () => database.drop(),
    };
  });
