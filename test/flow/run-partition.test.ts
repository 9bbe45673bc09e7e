import { Float32, Int64, Utf8 } from "apache-arrow";
import { describe, expect, it } from "vitest";
import { CancelledError, DataError, InfraError } from "../../src/errors.js";
import type { LoadedHook, PostChunk } from "../../src/hooks/hook.js";
import type { PartitionProgress } from "../../src/host/host.js";
import type { Receipt } from "../../src/job/partition.js";
import { noFiles } from "../../src/mapping/files/mapping-files.js";
import { resolveMapping } from "../../src/mapping/resolve-mapping.js";
import type { Predictor } from "../../src/runtimes/model.js";
import { type HookSteps, hookSteps } from "../../src/scoring/hooks/hook-steps.js";
import { previewRows } from "../../src/scoring/preview-rows.js";
import { runPartition } from "../../src/scoring/run-partition.js";
import type { Clock } from "../../src/time/clock.js";
import { batchOf, column } from "../support/arrow-batches.js";
import {
  float32,
  int64,
  type JobParts,
  jobWith,
  range,
  schemaOf,
  seeded,
  signatureOf,
  utf8,
} from "../support/jobs.js";
import {
  inputFile,
  type MemorySink,
  memorySink,
  memorySource,
  partitionTask,
} from "../support/memory-partition.js";
import { type ScriptedPredictor, scriptedPredictor } from "../support/scripted-predictor.js";

const signature = signatureOf([{ name: "x", type: "float32", shape: ["N", 2] }]);
const schema = schemaOf({ id: int64, a: float32, b: float32, note: utf8 });

interface Scenario {
  /** First features; a null fails binding under `nulls: error`. */
  readonly a: readonly (number | null)[];
  readonly job?: JobParts;
  readonly failsOn?: (value: number) => boolean;
  readonly predictor?: Predictor;
  readonly chunkRows?: number;
  readonly batchRows?: number;
  readonly plannedRows?: number;
  readonly totalRows?: number;
  /** The plan has an estimate only, and the database reports the number of rows at the end. */
  readonly rowsSent?: number | null;
  readonly sink?: MemorySink;
  readonly signal?: AbortSignal;
  readonly hooks?: HookSteps;
  readonly onProgress?: (progress: PartitionProgress) => void;
}

/** Ticks a millisecond at every look. */
function ticking(): Clock {
  let ms = 0;
  return { now: () => new Date(0), monotonicMs: () => ++ms };
}

function prepare({ a, job, failsOn }: Scenario) {
  const batch = batchOf({
    id: column(
      new Int64(),
      a.map((_, row) => BigInt(row * 10)),
    ),
    a: column(new Float32(), a),
    b: column(
      new Float32(),
      a.map(() => 0.5),
    ),
    note: column(
      new Utf8(),
      a.map((_, row) => `note ${row}`),
    ),
  });
  const resolved = jobWith({
    key: ["id"],
    features: { inputs: { x: { kind: "stack", stack: [{ column: "a", nulls: "error" }, { column: "b" }] } } },
    rowPolicy: { onRowError: "quarantine", maxErrorRows: null, maxErrorFraction: null },
    ...job,
  });
  const mapping = resolveMapping({ job: resolved, signature, schema, guess: false });
  return { batch, job: resolved, mapping, predictor: scriptedPredictor(failsOn, signature) };
}

async function run(
  scenario: Scenario,
): Promise<{ receipt: Receipt; sink: MemorySink; predictor: ScriptedPredictor }> {
  const { batch, job, mapping, predictor } = prepare(scenario);
  const { chunkRows = 100, batchRows = 32, sink = memorySink() } = scenario;
  const rows = scenario.plannedRows ?? batch.numRows;
  const task = partitionTask({
    job,
    mapping,
    signature,
    rows,
    batchRows,
    totalRows: scenario.totalRows ?? rows,
    isEstimate: scenario.rowsSent !== undefined,
  });
  const parts = {
    source: memorySource(batch, chunkRows, scenario.rowsSent ?? undefined),
    predictor: scenario.predictor ?? predictor,
    files: noFiles,
    sink,
    clock: ticking(),
    expand: (text: string) => text.replace("{{ run.id }}", "run-1"),
    onProgress: scenario.onProgress ?? (() => {}),
    ...(scenario.hooks === undefined ? {} : { hooks: scenario.hooks }),
  };
  const signal = scenario.signal ?? new AbortController().signal;
  return { receipt: await runPartition(task, "attempt-1", parts, signal), sink, predictor };
}

describe("a partition without failing rows", () => {
  it("is scored in input order, staged, and counted in a receipt", async () => {
    const job = { write: { add: { run: "{{ run.id }}" } } };
    const { receipt, sink, predictor } = await run({ a: range(250), job });
    expect(sink.values()).toEqual({
      id: range(250).map((row) => BigInt(row * 10)),
      note: range(250).map((row) => `note ${row}`),
      score: range(250).map((row) => row + 0.5),
      run: range(250).map(() => "run-1"),
    });
    expect(receipt).toMatchObject({
      ref: { runId: "run-1", partition: 0, epoch: 1 },
      attemptId: "attempt-1",
      rows: { read: 250, predicted: 250, quarantined: 0, filtered: 0 },
      reasons: {},
    });
    expect(sink.events).toEqual(["open", "stage"]);
    // Chunks of 100 rows, batches of 32.
    expect(predictor.shapes.map(([rows]) => rows)).toEqual([32, 32, 32, 4, 32, 32, 32, 4, 32, 18]);
  });

  it("reports progress after each chunk, and where the time went", async () => {
    const seen: PartitionProgress[] = [];
    const { receipt } = await run({ a: range(250), onProgress: (progress) => seen.push(progress) });
    expect(seen.map(({ rows }) => rows)).toEqual([100, 200, 250]);
    for (const step of ["read", "bind", "predict", "attach", "write", "stage"] as const)
      expect(receipt.stats.seconds[step]).toBeGreaterThan(0);
    expect(receipt.stats.bytesRead).toBeGreaterThan(0);
    expect(receipt.stats.bytesWritten).toBeGreaterThan(0);
  });

  it("may be empty", async () => {
    const { receipt, sink } = await run({ a: [] });
    expect(receipt.rows).toEqual({ read: 0, predicted: 0, quarantined: 0, filtered: 0 });
    expect(sink.events).toEqual(["open", "stage"]);
  });
});

describe("rows that fail", () => {
  const a = range(100).map((row) => (row % 10 === 3 ? null : row));
  const failsOn = (value: number) => value === 77 || value === 12;

  it("go to quarantine with key, row number and reason, and nothing else is lost", async () => {
    const { receipt, sink } = await run({ a, failsOn, chunkRows: 40 });
    expect(receipt.rows).toEqual({ read: 100, predicted: 88, quarantined: 12, filtered: 0 });
    expect(receipt.reasons).toEqual({ null_value: 10, predict_failed: 2 });
    const kept = range(100).filter((row) => row % 10 !== 3 && row !== 77 && row !== 12);
    expect(sink.values().id).toEqual(kept.map((row) => BigInt(row * 10)));
    expect(sink.values().score).toEqual(kept.map((row) => row + 0.5));
    expect(sink.quarantined.map(({ file, rowNumbers }) => [file, rowNumbers])).toEqual([
      [inputFile, [3, 12, 13, 23, 33]],
      [inputFile, [43, 53, 63, 73, 77]],
      [inputFile, [83, 93]],
    ]);
    const [first] = sink.quarantined;
    expect(first?.reasons).toEqual([
      "null_value",
      "predict_failed",
      "null_value",
      "null_value",
      "null_value",
    ]);
    expect(first?.messages[1]).toBe("the model fails on this row: an index is out of bounds");
    expect([...(first?.key?.getChild("id") ?? [])]).toEqual([30n, 120n, 130n, 230n, 330n]);
  });

  it("stay with nulls under emit_null and count as predicted", async () => {
    const rowPolicy = { onRowError: "emit_null", maxErrorRows: null, maxErrorFraction: null } as const;
    const { receipt, sink } = await run({ a, failsOn, job: { rowPolicy } });
    expect(receipt.rows).toEqual({ read: 100, predicted: 100, quarantined: 0, filtered: 0 });
    expect(receipt.reasons).toEqual({ null_value: 10, predict_failed: 2 });
    const failed = range(100).filter((row) => row % 10 === 3 || row === 77 || row === 12);
    expect(sink.values().score).toEqual(range(100).map((row) => (failed.includes(row) ? null : row + 0.5)));
    expect(sink.values().note).toHaveLength(100);
  });

  it("end the attempt under fail, at the first one, and what was written is discarded", async () => {
    const sink = memorySink();
    const rowPolicy = { onRowError: "fail", maxErrorRows: null, maxErrorFraction: null } as const;
    const error = await run({ a, failsOn, job: { rowPolicy }, sink }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(DataError);
    expect(error).toMatchObject({
      code: "data.row-failed",
      message: `${inputFile}, row 3 (key column: id): column "a" is null [null_value]`,
    });
    expect(sink.events).toEqual(["open", "discard"]);
  });

  it("may be all rows there are", async () => {
    const { receipt, sink } = await run({ a: range(50).map(() => null) });
    expect(receipt.rows).toMatchObject({ predicted: 0, quarantined: 50 });
    expect(sink.values().id).toEqual([]);
  });

  it("stop the partition once they alone spend the run's budget", async () => {
    const limit = (maxErrorRows: number | null, maxErrorFraction: number | null) =>
      ({ rowPolicy: { onRowError: "quarantine", maxErrorRows, maxErrorFraction } }) as const;
    await expect(run({ a, job: limit(5, null) })).rejects.toMatchObject({ code: "data.too-many-errors" });
    await expect(run({ a, job: limit(10, null) })).resolves.toBeDefined();
    // 10 of these 100 rows are 1% of the run's 1,000.
    await expect(run({ a, job: limit(null, 0.01), totalRows: 1000 })).resolves.toBeDefined();
    await expect(run({ a, job: limit(null, 0.009), totalRows: 1000 })).rejects.toMatchObject({
      code: "data.too-many-errors",
    });
  });

  it("are rejected whatever the policy where the job says `nulls: reject`", async () => {
    for (const onRowError of ["fail", "quarantine", "emit_null"] as const) {
      const job: JobParts = {
        features: {
          inputs: { x: { kind: "stack", stack: [{ column: "a", nulls: "reject" }, { column: "b" }] } },
        },
        rowPolicy: { onRowError, maxErrorRows: 0, maxErrorFraction: null },
      };
      const { receipt } = await run({ a, job });
      expect(receipt.rows.quarantined).toBe(10);
      expect(receipt.reasons).toEqual({ null_rejected: 10 });
    }
  });
});

it("with any chunks, batches and failures, every row comes out exactly once", async () => {
  const random = seeded(99);
  for (let round = 0; round < 25; round++) {
    const rows = Math.floor(random() * 300);
    const a = range(rows).map((row) => (random() < 0.05 ? null : row + 1));
    const bad = new Set(a.filter(() => random() < 0.03));
    const { receipt, sink } = await run({
      a,
      failsOn: (value) => bad.has(value),
      chunkRows: 1 + Math.floor(random() * 120),
      batchRows: 1 + Math.floor(random() * 64),
    });
    const good = range(rows).filter((row) => a[row] !== null && !bad.has(a[row] ?? 0));
    expect(sink.values().id).toEqual(good.map((row) => BigInt(row * 10)));
    expect(sink.values().score).toEqual(good.map((row) => row + 1.5));
    const aside = sink.quarantined.flatMap(({ rowNumbers }) => rowNumbers);
    expect(aside).toEqual(range(rows).filter((row) => !good.includes(row)));
    expect(receipt.rows).toEqual({
      read: rows,
      predicted: good.length,
      quarantined: aside.length,
      filtered: 0,
    });
  }
});

describe("hooks", () => {
  const everyThird: LoadedHook = {
    path: "/post.ts",
    details: {},
    reads: null,
    async call(chunk) {
      const rows = [...chunk.vector("id")].map((id) => Number(id) % 30 !== 0);
      return (chunk as PostChunk).keep(rows);
    },
  };
  const a = range(100).map((row) => (row % 10 === 3 ? null : row));
  const steps = (call: Partial<LoadedHook> = {}): HookSteps => {
    const { job, mapping } = prepare({ a });
    const hooks = [{ role: "post-hook", reads: mapping.columns.map(({ name }) => name), adds: [] } as const];
    return hookSteps(
      { job, inputSchema: schema, mapping, hooks },
      new Map([["post-hook", { ...everyThird, ...call }]]),
    );
  };

  it("drop rows, which are counted apart from quarantined ones and add up with them", async () => {
    const { receipt, sink } = await run({ a, hooks: steps(), chunkRows: 40 });
    const kept = range(100).filter((row) => row % 10 !== 3 && row % 3 !== 0);
    expect(sink.values().id).toEqual(kept.map((row) => BigInt(row * 10)));
    expect(sink.values().score).toEqual(kept.map((row) => row + 0.5));
    expect(receipt.rows).toEqual({
      read: 100,
      predicted: kept.length,
      quarantined: 10,
      filtered: 90 - kept.length,
    });
    expect(receipt.stats.seconds.hook).toBeGreaterThan(0);
  });

  it("may drop every row", async () => {
    const call: LoadedHook["call"] = async (chunk) => (chunk as PostChunk).keep(new Uint8Array(chunk.rows));
    const { receipt, sink } = await run({ a: range(50), hooks: steps({ call }) });
    expect(receipt.rows).toEqual({ read: 50, predicted: 0, quarantined: 0, filtered: 50 });
    expect(sink.values().id).toEqual([]);
  });

  it("that drop rows do not hide rows that staging lost", async () => {
    await expect(run({ a, hooks: steps(), sink: memorySink(1) })).rejects.toMatchObject({
      code: "bug.conservation",
    });
  });
});

it("the same partition gives the same bytes, however it is cut into batches", async () => {
  const a = range(200).map((row) => (row % 17 === 0 ? null : row / 3));
  const whole = await run({ a, batchRows: 200 });
  const cut = await run({ a, batchRows: 7 });
  expect(cut.sink.values()).toEqual(whole.sink.values());
});

describe("what goes wrong around the rows", () => {
  it("rows that staging lost are a bug, and nothing is handed back", async () => {
    const sink = memorySink(1);
    await expect(run({ a: range(10), sink })).rejects.toMatchObject({
      code: "bug.conservation",
      message: "partition 0: 10 rows were read, but 9 predicted + 0 quarantined + 0 filtered were staged",
    });
    expect(sink.events).toEqual(["open", "stage", "discard"]);
  });

  it("a file that holds other rows than its footer promises", async () => {
    await expect(run({ a: range(10), plannedRows: 11 })).rejects.toMatchObject({ code: "data.row-count" });
  });

  it("rows that were lost between database and reader, also if the statistics agree", async () => {
    const { receipt } = await run({ a: range(10), plannedRows: 7, rowsSent: 10 });
    expect(receipt).toMatchObject({ rowsSent: 10, rows: { read: 10, predicted: 10 } });
    for (const [rowsSent, told] of [
      [11, "the database sent 11 rows, and 10 were read"],
      [null, "the database sent an unknown number of rows, and 10 were read"],
    ] as const)
      await expect(run({ a: range(10), plannedRows: 10, rowsSent })).rejects.toMatchObject({
        code: "bug.conservation",
        message: `partition 0: ${told}`,
      });
  });

  it("a stop is obeyed between chunks, and leaves nothing behind", async () => {
    const stop = new AbortController();
    const sink = memorySink();
    const seen: number[] = [];
    const onProgress = ({ rows }: PartitionProgress) => {
      seen.push(rows);
      if (rows === 200) stop.abort();
    };
    const running = run({ a: range(1000), sink, signal: stop.signal, onProgress });
    await expect(running).rejects.toBeInstanceOf(CancelledError);
    expect(seen).toEqual([100, 200]);
    expect(sink.events).toEqual(["open", "discard"]);
  });

  it("an operator's error goes through as it is", async () => {
    const predictor: Predictor = {
      signature,
      predict: () => Promise.reject(new InfraError("infra.out-of-memory", "memory ran out")),
      close: async () => {},
    };
    const sink = memorySink();
    await expect(run({ a: range(10), predictor, sink })).rejects.toMatchObject({
      code: "infra.out-of-memory",
    });
    expect(sink.events).toEqual(["open", "discard"]);
  });
});

describe("a preview", () => {
  const a = [1, null, 3, 4, 5, 6];

  function preview(limit: number, onRowError: "fail" | "quarantine" | "emit_null" = "quarantine") {
    const rowPolicy = { onRowError, maxErrorRows: null, maxErrorFraction: null };
    const { batch, job, mapping, predictor } = prepare({ a, job: { rowPolicy } });
    const chunks = memorySource(batch, 2).read(
      partitionTask({ job, mapping, signature, rows: 6, batchRows: 2 }).partition,
      { columns: mapping.reads, chunkRows: 2 },
      new AbortController().signal,
    );
    const parts = { files: noFiles, clock: ticking(), expand: String };
    const options = { job, mapping, predictor, batchRows: 2, limit, ...parts };
    return previewRows(options, chunks, new AbortController().signal);
  }

  it("shows the first rows as JSON, with nulls where a row fails", async () => {
    const { columns, rows } = await preview(3);
    expect(columns).toEqual(["id", "note", "score"]);
    expect(rows).toEqual([
      [0, "note 0", 1.5],
      [10, "note 1", null],
      [20, "note 2", 3.5],
    ]);
  });

  it("shows no more rows than there are", async () => {
    expect((await preview(100)).rows).toHaveLength(6);
    expect((await preview(0)).rows).toHaveLength(0);
  });

  it("ends as a run would under fail", async () => {
    await expect(preview(3, "fail")).rejects.toMatchObject({ code: "data.row-failed" });
  });
});
