// biome-ignore-all lint/suspicious/noTemplateCurlyInString: `${…}` is part of the language of specs
/** Hints that begin a run anew name the flags that this run needs: a second generation stands over a published one. */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type FlightProject, flightProject, holding, keysBelow, keysIn } from "../support/flight-project.js";
import { errorIn, flagsIn } from "../support/hints.js";
import { jsonLinesOf } from "../support/nightshift.js";
import { migrateAt } from "../support/postgres-ledgers.js";
import { createDatabase, type TestDatabase } from "../support/postgres-server.js";

let database: TestDatabase;
let project: FlightProject;

beforeAll(async () => {
  database = await createDatabase();
  await migrateAt(database.url);
}, 60_000);
afterAll(() => database.drop());
afterEach(() => project.remove());

const env = () => ({ DATABASE_URL: database.url });
const cli = (...argv: readonly string[]) => project.nightshiftWith(env(), ...argv, "--json");

/** The same run once more, which is held at its second input while the situation is made. */
async function reprocessed(disturb: () => Promise<void>, how: "ends" | "is killed") {
  expect(cli("run", "flights")).toMatchObject({ status: 0 });
  const hold = holding(project.cwd, { role: "thread", path: "input/01", nth: 1 });
  const run = project.start(["run", "flights", "--reprocess", "--json"], { env: { ...hold.env, ...env() } });
  await hold.reached();
  await disturb();
  if (how === "is killed") run.child.kill("SIGKILL");
  else hold.letGo();
  return run.finished;
}

/** Does what the hint says, flag by flag, and finds a third generation published. */
function startsOver(hint: string): void {
  const helped = cli("run", "flights", ...flagsIn(hint));
  expect(helped).toMatchObject({ status: 0 });
  expect(jsonLinesOf(helped).at(-1)).toMatchObject({
    status: "published",
    run: { key: { generation: 3 } },
  });
}

test("files that a later generation had staged were removed", async () => {
  project = flightProject({ files: 3 });
  await reprocessed(async () => {
    const root = join(project.cwd, ".out.nightshift/staging");
    for (const run of readdirSync(root).filter((name) => name.endsWith("-g2")))
      rmSync(join(root, run), { recursive: true });
  }, "is killed");
  const { code, hint } = errorIn(cli("retry"));
  expect(code).toBe("infra.staged-missing");
  startsOver(hint);
  expect(await keysIn(project.out)).toEqual(keysBelow(150));
});

const table = "{ to: '${DATABASE_URL}', table: public.predicted, mode: replace, create: true }";
/** The only one of type `real`. */
async function predictedColumn(): Promise<string> {
  const [found] = await database.query<{ name: string }>(
    "select column_name as name from information_schema.columns where table_name = 'predicted' and data_type = 'real'",
  );
  return found?.name ?? "";
}

test.each(["starting over", "altering it back"])(
  "a table was altered under a later generation: %s helps",
  async (way) => {
    await database.query("drop table if exists public.predicted");
    project = flightProject({ files: 3, write: table });
    let column: string | null = null;
    const alter = async (type: string): Promise<void> => {
      column ??= await predictedColumn();
      await database.query(`alter table public.predicted alter column ${column} type ${type}`);
    };
    const ended = await reprocessed(() => alter("float8"), "ends");
    const { code, hint } = errorIn(ended);
    expect(code).toBe("refused.target-altered");
    if (way === "starting over") return startsOver(hint);
    await alter("real");
    expect(hint).toContain("nightshift retry");
    expect(jsonLinesOf(cli("retry")).at(-1)).toMatchObject({ status: "published" });
  },
);
