// biome-ignore-all lint/suspicious/noTemplateCurlyInString: `${…}` is how databases are named
/** What a run is made of reaches workers that have nothing of it, over the ledger or a shared directory. */
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { nightshiftWith } from "../support/nightshift.js";
import { type Fleet, queueFleet } from "../support/queue-fleet.js";

const rows = 1_500;
const models = fileURLToPath(new URL("../../fixtures/models/", import.meta.url));
let fleet: Fleet;
let project: string;
let env: { readonly [name: string]: string };

beforeEach(async () => {
  fleet = await queueFleet("postgres", { files: 1 });
  env = { FLIGHTS_URL: fleet.database.url };
  await fleet.database.query(`
    create table flights as select g::int8 as flight_id, array['c' || g % 7, 'c' || g % 11, 'c' || g % 5] as codes
    from generate_series(0, ${rows - 1}) g;
    alter table flights add primary key (flight_id)`);
  project = realpathSync(mkdtempSync(join(tmpdir(), "nightshift-assets-")));
  mkdirSync(join(project, "jobs"));
  for (const name of ["delay-encoder.onnx", "delay-encoder.onnx.data"])
    cpSync(join(models, name), join(project, name));
  const codes = Object.fromEntries(Array.from({ length: 11 }, (_, code) => [`c${code}`, code % 5]));
  write("codes.json", JSON.stringify(codes));
  write("verdicts.json", '["on time", "late"]');
  write("shift.ts", "export const by: number = 0.5;\n");
  write(
    "post.ts",
    'import { by } from "./shift";\nexport default (chunk: any) => chunk.add("shifted", chunk.numbers("flight_id").map((value: number) => value + by));\n',
  );
  for (const name of ["here", "there"]) write(`jobs/${name}.yaml`, jobInto(name));
});

afterEach(async () => {
  await fleet.remove();
  rmSync(project, { recursive: true, force: true });
  rmSync(`${project}.moved`, { recursive: true, force: true });
});

/** A model with external data, a map, ids and a hook of two files. */
function jobInto(table: string): string {
  return [
    "version: 1",
    `name: ${table}`,
    "model: ../delay-encoder.onnx",
    'input: { from: "${FLIGHTS_URL}", table: flights, key: [flight_id] }',
    "features:",
    "  input_ids: { list: codes, map: { file: ../codes.json }, pad_to: 16, keep: first, mask: attention_mask }",
    "  token_type_ids: { value: 0 }",
    "outputs:",
    "  logits: { labels: [on_time, late], top_k: 1, ids: { file: ../verdicts.json }, column: verdict }",
    "post: ../post.ts",
    `write: { to: "\${FLIGHTS_URL}", table: public.${table}, mode: replace, create: true }`,
    "limits: { partition_rows: 500 }",
    "",
  ].join("\n");
}

function write(name: string, text: string): void {
  writeFileSync(join(project, name), text);
}

/** Resolves when partitions wait for workers: by then nothing more of the project is needed. */
async function handedOut(): Promise<void> {
  for (;;) {
    const [found] = await fleet.database.query<{ leased: number }>(
      "select count(*)::int as leased from nightshift.ledger_partitions where status = 'leased'",
    );
    if (found !== undefined && found.leased > 0) return;
    await sleep(20);
  }
}

async function expectSameTables(): Promise<void> {
  const [found] = await fleet.database.query<{ rows: number; different: number }>(`
    select (select count(*)::int from there) as rows,
           (select count(*)::int from (select * from here except select * from there) d) as different`);
  expect(found).toEqual({ rows, different: 0 });
}

async function assetsOfRun(): Promise<readonly string[]> {
  const found = await fleet.database.query<{ sha256: string }>(
    `select distinct asset->>'sha256' as sha256 from nightshift.ledger_plans, json_array_elements(plan->'assets') asset
     order by 1`,
  );
  return found.map(({ sha256 }) => sha256);
}

test("a worker that has nothing of a job scores it as its own machine does", async () => {
  const local = nightshiftWith(env, project, "run", "here");
  expect(local).toMatchObject({ status: 0, stderr: expect.stringContaining("published") });

  const run = fleet.coordinator(project, ["run", "there"], { env });
  await handedOut();
  renameSync(project, `${project}.moved`);
  const state = join(fleet.project.cwd, "elsewhere");
  await fleet.worker({ env, argv: ["--state", state] });
  expect(await run.finished).toMatchObject({ status: 0, stderr: "" });
  await expectSameTables();
  const digests = await assetsOfRun();
  expect(digests.length).toBe(5);
  expect(readdirSync(join(state, "assets"))).toEqual(digests);

  // The run is over: no run needs them.
  const collected = await fleet.coordinator(fleet.project.cwd, ["gc"], { env }).finished;
  expect(JSON.parse(collected.stdout).outputs).toContainEqual(
    expect.objectContaining({ output: "assets", removed: digests }),
  );
  expect(await fleet.database.query("select 1 from nightshift.ledger_asset_blocks")).toEqual([]);
});

test("what is too large for the ledger needs a directory that all share", async () => {
  // A comment in the model: 65 MiB of `doc_string`.
  const comment = 65 * 1024 * 1024;
  const length = [0, 7, 14, 21].map((shift) => ((comment >> shift) & 127) | (shift < 21 ? 128 : 0));
  const model = join(project, "delay-encoder.onnx");
  appendFileSync(model, Buffer.concat([Buffer.from([0x32, ...length]), Buffer.alloc(comment, "x")]));

  const refused = fleet.coordinator(project, ["run", "there"], { env });
  const { status, stderr } = await refused.finished;
  expect(status).toBe(2);
  expect(stderr).toMatch(/needs 5 files with 68\.2 MB, of which .*delay-encoder\.onnx has 68\.2 MB/);
  expect(stderr).toContain("NIGHTSHIFT_ASSETS=/mnt/shared/assets");
  expect(await fleet.database.query("select 1 from nightshift.ledger_partitions where epoch > 0")).toEqual(
    [],
  );

  const shared = { ...env, NIGHTSHIFT_ASSETS: join(fleet.project.cwd, "shared") };
  const retried = fleet.coordinator(project, ["retry"], { env: shared });
  await handedOut();
  renameSync(project, `${project}.moved`);
  await fleet.worker({ env: shared });
  expect(await retried.finished).toMatchObject({ status: 0, stderr: "" });
  expect(await fleet.database.query("select 1 from there")).toHaveLength(rows);
  expect(await fleet.database.query("select 1 from nightshift.ledger_assets")).toEqual([]);
});
