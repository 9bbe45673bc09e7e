/** The search for rows that kill a host, over hosts whose deaths are played: an error that no code inside catches. */
import { Float32, Int64 } from "apache-arrow";
import { expect, it } from "vitest";
import type { StartedAttempt } from "../../../src/dispatchers/dispatcher.js";
import { killersOf } from "../../../src/dispatchers/local/find-killers.js";
import { BugError, InfraError, toErrorRecord } from "../../../src/errors.js";
import type { RowsAtWork } from "../../../src/host/host.js";
import { noFiles } from "../../../src/mapping/files/mapping-files.js";
import { resolveMapping } from "../../../src/mapping/resolve-mapping.js";
import type { Predictor } from "../../../src/runtimes/model.js";
import { noHooks } from "../../../src/scoring/hooks/hook-steps.js";
import { searchRows } from "../../../src/scoring/killing-rows.js";
import { runPartition } from "../../../src/scoring/run-partition.js";
import { batchOf, column } from "../../support/arrow-batches.js";
import { float32, int64, jobWith, range, schemaOf, seeded, signatureOf } from "../../support/jobs.js";
import { memorySink, memorySource, partitionTask } from "../../support/memory-partition.js";
import { scriptedPredictor } from "../../support/scripted-predictor.js";

class HostDied extends Error {}

/** A partition hands unknown errors on as bugs. */
function isDeath(error: unknown): boolean {
  return error instanceof HostDied || (error instanceof BugError && error.cause instanceof HostDied);
}

interface Scenario {
  /** The only feature, a row each. */
  readonly values: readonly number[];
  readonly kills: (value: number, batch: readonly number[]) => boolean;
  readonly failsOn?: (value: number) => boolean;
  readonly isDependent?: boolean;
}

const signature = signatureOf([{ name: "x", type: "float32", shape: ["N", 1] }]);
const calm = new AbortController().signal;

/** Runs the partition alone until its host dies, then searches, then runs it without the rows that were found. */
async function play({ values, kills, failsOn, isDependent = false }: Scenario) {
  const batch = batchOf({
    id: column(new Int64(), range(values.length).map(BigInt)),
    x: column(new Float32(), values),
  });
  const job = jobWith({
    key: ["id"],
    features: { inputs: { x: { kind: "stack", stack: [{ column: "x" }] } } },
    rowPolicy: { onRowError: "quarantine", maxErrorRows: null, maxErrorFraction: null },
    ...(isDependent ? { rows: "dependent" as const } : {}),
  });
  const mapping = resolveMapping({
    job,
    signature,
    schema: schemaOf({ id: int64, x: float32 }),
    guess: false,
  });
  const task = partitionTask({ job, mapping, signature, rows: values.length, batchRows: 16 });
  const plain = scriptedPredictor(failsOn, signature);
  const predictor: Predictor = {
    ...plain,
    async predict(inputs, outputs) {
      const all = [...((inputs.x?.data ?? []) as Float32Array)];
      if (all.some((value) => kills(value, all))) throw new HostDied();
      return plain.predict(inputs, outputs);
    },
  };
  let deaths = 0;

  /** A host of its own: only what it noted before it died is left. */
  async function inHost<T>(
    work: (noting: <U>(rows: RowsAtWork, call: () => Promise<U>) => Promise<U>) => Promise<T>,
  ): Promise<T> {
    let atWork: RowsAtWork | null = null;
    let modelCalls = 0;
    try {
      return await work(async (rows, call) => {
        atWork = rows;
        const made = await call();
        atWork = null;
        modelCalls++;
        return made;
      });
    } catch (error) {
      if (atWork === null || !isDeath(error)) throw error;
      deaths++;
      const { from, to, digest } = atWork as RowsAtWork;
      throw new InfraError("infra.host-died", "played", {
        details: { rowsAtWork: { from, to, digest }, modelCalls },
      });
    }
  }

  const run = (killers: readonly string[]) => {
    const sink = memorySink();
    return inHost((noting) =>
      runPartition(
        task,
        "a",
        {
          source: memorySource(batch, 40),
          predictor,
          files: noFiles,
          sink,
          clock: { now: () => new Date(0), monotonicMs: () => 0 },
          expand: (text) => text,
          onProgress: () => undefined,
          killers,
          noting,
        },
        calm,
      ),
    ).then((receipt) => ({ receipt, sink }));
  };
  const search = (lastError: StartedAttempt["lastError"], alone = true) =>
    killersOf({ task, lastError }, alone, (known) =>
      inHost((noting) => {
        const request = { columns: mapping.reads, schema: [], chunkRows: 40 };
        const chunks = memorySource(batch, 40).read(task.partition, request, calm);
        return searchRows(task, known, { predictor, files: noFiles, hooks: noHooks, noting }, chunks, calm);
      }),
    );
  const lastError = await run([]).then(
    () => null,
    (error: unknown) => toErrorRecord(error),
  );
  return { run, search, lastError, deaths: () => deaths };
}

/** Finds the rows and gives the numbers of those that are set aside. */
async function setAside(scenario: Scenario) {
  const played = await play(scenario);
  const killers = await played.search(played.lastError);
  const { receipt, sink } = await played.run(killers);
  const rows = sink.quarantined.flatMap(({ rowNumbers, reasons }) =>
    rowNumbers.filter((_, at) => reasons[at] === "kills_engine"),
  );
  return { rows, receipt, killers, deaths: played.deaths() };
}

it("finds every row that kills, wherever it lies, in few deaths", async () => {
  const random = seeded(7);
  for (let round = 0; round < 20; round++) {
    const bad = new Set(range(1 + Math.floor(random() * 4)).map(() => Math.floor(random() * 100)));
    if (round === 0) bad.add(99);
    const values = range(100).map((row) => row + 1);
    const { rows, receipt, deaths } = await setAside({ values, kills: (value) => bad.has(value - 1) });
    expect(rows).toEqual([...bad].sort((a, b) => a - b));
    expect(receipt.rows).toEqual({
      read: 100,
      predicted: 100 - bad.size,
      quarantined: bad.size,
      filtered: 0,
    });
    // One that begins each search, then a batch of 16 rows is halved.
    expect(deaths).toBeLessThanOrEqual(bad.size * (1 + 4 + 1));
  }
});

it("rows with the same features are one search, and rows that only fail stay apart", async () => {
  const values = range(90).map((row) => (row % 9 === 4 ? -1 : row + 1));
  const found = await setAside({
    values,
    kills: (value) => value === -1,
    failsOn: (value) => value === 8 || value === 30,
  });
  expect(found.rows).toEqual(range(90).filter((row) => row % 9 === 4));
  expect(found.receipt.reasons).toEqual({ kills_engine: 10, predict_failed: 2 });
  expect(found.killers).toHaveLength(1);
});

it("predictions do not depend on the rows that kill", async () => {
  const values = range(50).map((row) => row + 1);
  const played = await play({ values, kills: (value) => value === 20 });
  const { sink } = await played.run(await played.search(played.lastError));
  expect(sink.values().score).toEqual(values.filter((value) => value !== 20));
});

it("a host that survives a row of ones or zeros has a bad row, else a bad model", async () => {
  const onlyRow = { values: [7], kills: (value: number) => value === 7 || value === 1 };
  expect((await setAside(onlyRow)).receipt.reasons).toEqual({ kills_engine: 1 });
  const { search, lastError } = await play({ values: [7, 8], kills: () => true });
  await expect(search(lastError)).rejects.toMatchObject({ kind: "model", code: "model.kills-host" });
});

it("a partition full of different rows that kill fails as the model's error", async () => {
  const { search, lastError, deaths } = await play({
    values: range(100).map((row) => row + 2),
    kills: (value) => value > 1,
  });
  await expect(search(lastError)).rejects.toMatchObject({
    code: "model.kills-host",
    details: { partition: 0 },
  });
  expect(deaths()).toBeLessThan(17 * 6);
});

it("nothing is searched for beside others, without a hint, or where rows change one another", async () => {
  const one = { values: [5, 6], kills: (value: number) => value === 5 };
  const { search, lastError, deaths } = await play(one);
  expect(await search(lastError, false)).toEqual([]);
  expect(await search(null)).toEqual([]);
  expect(await search(toErrorRecord(new InfraError("infra.host-died", "of memory")))).toEqual([]);
  expect(deaths()).toBe(1);
  const dependent = await play({ ...one, isDependent: true });
  expect(await dependent.search(dependent.lastError)).toEqual([]);
});

it("a death that no single row causes is reported as the host's, without digests", async () => {
  const values = range(60).map((row) => row + 1);
  const { search, lastError } = await play({
    values,
    kills: (value, all) => value === 3 || (value === 35 && all.includes(36)),
  });
  const died = await search(lastError).catch((error: unknown) => error);
  expect(died).toMatchObject({ code: "infra.host-died", details: { rowsAtWork: { digest: null } } });
});
