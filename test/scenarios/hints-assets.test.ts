/** What hints about assets say to do helps: they lie in the ledger or in a shared directory. */
import { execFileSync } from "node:child_process";
import { appendFileSync, cpSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { flightModel, keysBelow, keysIn } from "../support/flight-project.js";
import { errorIn } from "../support/hints.js";
import { type Finished, jsonLinesOf } from "../support/nightshift.js";
import { type Fleet, queueFleet, type WorkerProcess } from "../support/queue-fleet.js";

let fleet: Fleet;

beforeEach(async () => {
  fleet = await queueFleet("postgres", { files: 2, limits: ["max_attempts: 1"] });
});

afterEach(() => fleet.remove());

const model = (): string => join(fleet.project.cwd, "model.onnx");
/** Workers then need the asset itself. */
const hideModel = (): void => renameSync(model(), `${model()}.planned`);
const restoreModel = (): void => renameSync(`${model()}.planned`, model());

/** Adds a comment to the model, 65 MiB of `doc_string`: the ledger does not bring that to workers. */
function enlargeModel(): void {
  const comment = 65 * 1024 * 1024;
  const length = [0, 7, 14, 21].map((shift) => ((comment >> shift) & 127) | (shift < 21 ? 128 : 0));
  appendFileSync(model(), Buffer.concat([Buffer.from([0x32, ...length]), Buffer.alloc(comment, "x")]));
}

/** Resolves when partitions wait for workers: by then the coordinator has put the assets where workers get them. */
async function handedOut(): Promise<void> {
  for (;;) {
    const leased = await fleet.database.query(
      "select 1 from nightshift.ledger_partitions where status = 'leased'",
    );
    if (leased.length > 0) return;
    await sleep(20);
  }
}

async function stop(worker: WorkerProcess): Promise<void> {
  worker.child.kill("SIGTERM");
  await worker.finished;
}

async function expectPublished(finished: Finished): Promise<void> {
  expect(finished).toMatchObject({ status: 0 });
  expect(jsonLinesOf(finished).at(-1)).toMatchObject({ status: "published" });
  expect(await keysIn(fleet.project.out)).toEqual(keysBelow(100));
}

test("a worker without the shared directory of the run: with NIGHTSHIFT_ASSETS, retry publishes", async () => {
  enlargeModel();
  const env = { NIGHTSHIFT_ASSETS: join(fleet.project.cwd, "shared") };
  const run = fleet.run({ env });
  await handedOut();
  hideModel();
  const blind = await fleet.worker();
  const { code, hint } = errorIn(await run.finished);
  expect({ code, hint }).toEqual({
    code: "infra.asset-missing",
    hint: expect.stringContaining("NIGHTSHIFT_ASSETS"),
  });
  await stop(blind);
  restoreModel();
  await fleet.worker({ env });
  await expectPublished(await fleet.retry({ env }).finished);
});

test.each([
  {
    name: "an asset was removed from the shared directory",
    spoil: (path: string) => rmSync(path),
    isLeft: false,
    code: "infra.asset-missing",
  },
  {
    name: "an asset in the shared directory was damaged",
    spoil: (path: string) => writeFileSync(path, Buffer.alloc(statSync(path).size, 1)),
    isLeft: true,
    code: "infra.asset-damaged",
  },
])("$name: retry puts it there again", async ({ spoil, isLeft, code }) => {
  enlargeModel();
  const env = { NIGHTSHIFT_ASSETS: join(fleet.project.cwd, "shared") };
  const run = fleet.run({ env });
  await handedOut();
  hideModel();
  const [digest = ""] = readdirSync(env.NIGHTSHIFT_ASSETS);
  const asset = join(env.NIGHTSHIFT_ASSETS, digest);
  spoil(asset);
  await fleet.worker({ env });
  const told = errorIn(await run.finished);
  expect(told).toMatchObject({ code, hint: expect.stringContaining("nightshift retry") });
  if (isLeft) execFileSync("sh", ["-c", /Remove it: (.*)\. Then/.exec(told.hint)?.[1] ?? "false"]);
  restoreModel();
  const retried = fleet.retry({ env });
  await expectPublished(await retried.finished);
  expect(readdirSync(env.NIGHTSHIFT_ASSETS)).toEqual([digest]);
});

test("an asset in the ledger was damaged: the commands of the hint and retry put it there again", async () => {
  const run = fleet.run();
  await handedOut();
  hideModel();
  await fleet.database.query("update nightshift.ledger_asset_blocks set body = 'x'");
  await fleet.worker();
  const { code, hint } = errorIn(await run.finished);
  expect({ code, hint }).toEqual({
    code: "infra.asset-damaged",
    hint: expect.stringContaining("nightshift retry"),
  });
  await fleet.database.query(hint.slice(hint.indexOf("delete from"), hint.indexOf(". Then")));
  restoreModel();
  await expectPublished(await fleet.retry().finished);
});

test.each(["retry", "--restart"])(
  "the model was replaced before workers could have it: %s helps as the hint says",
  async (way) => {
    enlargeModel();
    const tooLarge = errorIn(await fleet.run().finished);
    expect(tooLarge).toMatchObject({
      code: "refused.assets-too-large",
      hint: expect.stringContaining("NIGHTSHIFT_ASSETS"),
    });
    const env = { NIGHTSHIFT_ASSETS: join(fleet.project.cwd, "shared") };
    cpSync(model(), `${model()}.planned`);
    cpSync(flightModel, model());
    const { code, hint } = errorIn(await fleet.retry({ env }).finished);
    expect({ code, hint }).toEqual({
      code: "data.asset-changed",
      hint: expect.stringContaining("--restart"),
    });
    await fleet.worker({ env });
    if (way === "retry") restoreModel();
    const helped = way === "retry" ? fleet.retry({ env }) : fleet.run({ env, argv: ["--restart"] });
    await expectPublished(await helped.finished);
  },
);
