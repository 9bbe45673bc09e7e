// npm run bench -- --queue: what a queue costs. Workers are processes of this machine, one thread each, over both kinds of
// queue; the ledger's database has fsync on. Times of dispatching are from a run's own events, so without its start and
// its publication.
//
// - Q1 overhead: many tiny partitions by three workers, beside the same in one process with a thread a core.
// - Q2 scaling: W1's rows by one, two and three workers, beside one process with one and two threads.
// - Q3 recovery: from SIGKILL of a worker until another has done its partition.
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { startPostgres, startRedis } from "../scripts/servers.mjs";
import { median } from "./measure.mjs";
import { makeW1Data } from "./w1-data.mjs";

const tinyPartitions = 600;
const tinyRows = 10;
const leaseMs = 5_000;
const ticksPerSecond = 100;

export async function benchQueue({ cache, cli, model, parquet, rows, runs }) {
  const server = await startPostgres(cache, { fsync: "on", shared_buffers: "512MB", max_wal_size: "4GB" });
  const redis = await startRedis(cache);
  // Waiting for the server's end alone keeps no process alive.
  const awake = setInterval(() => {}, 60_000);
  const started = [];
  try {
    for (const kind of ["redis", "postgres"]) {
      const database = await server.createDatabase();
      const stand = { cache, cli, model, database, started, runs };
      const queue = kind === "redis" ? redis.url : database.url;
      const env = { NIGHTSHIFT_LEDGER: database.url, NIGHTSHIFT_QUEUE: queue };
      const migrate = (...args) =>
        spawnSync(process.execPath, [cli, "migrate", ...args], { env: { ...process.env, ...env } });
      migrate();
      if (kind === "postgres") migrate("--queue", database.url);
      const tiny = project(stand, `${kind}-tiny`, `${cache}/w1-tiny.parquet`, tinyRows);
      const whole = project(stand, `${kind}-w1`, parquet, "auto");
      makeW1Data(tiny.parquet, tinyPartitions * tinyRows, { groupRows: tinyRows });
      await overhead(kind, stand, env, tiny);
      await scaling(kind, stand, env, whole, rows);
      await recovery(kind, stand, env, whole);
      await database.drop();
    }
  } finally {
    for (const child of started) child.kill("SIGKILL");
    await redis.remove();
    await server.remove();
    clearInterval(awake);
  }
}

async function overhead(kind, stand, env, tiny) {
  const local = await repeat(stand, tiny, {}, 3);
  await withWorkers(stand, env, 3, async (workers) => {
    const queued = await repeat(stand, tiny, env, 3);
    const extraMs = ((queued.dispatchSeconds - local.dispatchSeconds) * 1000) / tinyPartitions;
    const betweenMs = median(workers.flatMap(({ pausesMs }) => pausesMs));
    console.log(
      `Q1 ${kind}: ${tinyPartitions} partitions of ${tinyRows} rows, three workers: ${ms(queued, "dispatchSeconds")} a partition, ` +
        `one process: ${ms(local, "dispatchSeconds")}; the difference: ${extraMs.toFixed(2)} ms. ` +
        `From a worker's acceptance to its next start: ${betweenMs.toFixed(2)} ms, ${(betweenMs / 3).toFixed(2)} ms of wall time a partition. ` +
        `CPU of the coordinator: ${ms(queued, "cpuSeconds")}, without a queue: ${ms(local, "cpuSeconds")}.`,
    );
  });
}

function ms(result, field) {
  return `${((result[field] * 1000) / tinyPartitions).toFixed(2)} ms`;
}

async function scaling(kind, stand, env, whole, rows) {
  const table = [];
  const add = (what, { dispatchSeconds, wallSeconds }) =>
    table.push({
      [`Q2 ${kind}`]: what,
      "dispatching s": dispatchSeconds.toFixed(2),
      "rows/s": Math.round(rows / dispatchSeconds).toLocaleString("en-US"),
      "whole command s": wallSeconds.toFixed(2),
    });
  for (const threads of [1, 2])
    add(`one process, threads: ${threads}`, await repeat(stand, whole, {}, threads));
  for (const workers of [1, 2, 3])
    await withWorkers(stand, env, workers, async () => {
      add(`workers: ${workers}`, await repeat(stand, whole, env, workers));
    });
  console.log(`${availableParallelism()} cores, ${rows.toLocaleString("en-US")} rows`);
  console.table(table);
}

async function recovery(kind, stand, env, whole) {
  const took = [];
  for (let run = 0; run < stand.runs; run++)
    await withWorkers(stand, env, 2, async ([doomed]) => {
      const started = doomed.next("partition.started");
      const running = start(stand, env, ["run", whole.job, "--reprocess"]);
      const { partition } = await started;
      const redone = running.next("partition.accepted", (event) => event.partition === partition);
      doomed.child.kill("SIGKILL");
      const killed = performance.now();
      const { epoch } = await redone;
      if (epoch !== 2)
        throw new Error(`partition ${partition} was accepted at epoch ${epoch}: it was killed too late`);
      took.push((performance.now() - killed) / 1000);
      await running.ended();
    });
  console.log(
    `Q3 ${kind}: lease ${leaseMs / 1000} s; from SIGKILL of a worker until its partition was redone: ` +
      `median ${median(took).toFixed(2)} s, most ${Math.max(...took).toFixed(2)} s (${took.length} times).`,
  );
}

/** Medians over some runs, after one that warms up what is kept. */
async function repeat(stand, { job }, env, threads) {
  const results = [];
  for (let run = 0; run <= stand.runs; run++) {
    const running = start(stand, { ...env, NIGHTSHIFT_THREADS: String(threads) }, [
      "run",
      job,
      "--reprocess",
    ]);
    const result = await running.ended();
    if (run > 0) results.push(result);
  }
  return Object.fromEntries(
    ["dispatchSeconds", "cpuSeconds", "wallSeconds"].map((field) => [
      field,
      median(results.map((each) => each[field])),
    ]),
  );
}

async function withWorkers(stand, env, count, work) {
  const workers = Array.from({ length: count }, () =>
    start(stand, env, ["worker", "--threads", "1", "--lease", `${leaseMs}ms`]),
  );
  await Promise.all(workers.map(({ next }) => next("worker.ready")));
  try {
    await work(workers);
  } finally {
    for (const { child } of workers) child.kill("SIGKILL");
    await Promise.all(workers.map(({ ended }) => ended().catch(() => undefined)));
  }
}

let states = 0;

/** A process of ours, with its events. */
function start({ cache, cli, started }, env, argv) {
  const state = `${cache}/queue-state/${states++}`;
  const begun = performance.now();
  const child = spawn(process.execPath, [cli, ...argv, "--json", "--state", state], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  started.push(child);
  const at = {};
  const waiting = new Set();
  const cpu = {};
  const pausesMs = [];
  let acceptedAt = null;
  let [rest, stderr] = ["", ""];
  child.stderr.setEncoding("utf8").on("data", (text) => {
    stderr += text;
  });
  child.stdout.setEncoding("utf8").on("data", (text) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      const event = JSON.parse(line);
      const now = performance.now();
      at[event.type] ??= now;
      if (event.type === "partition.started" && acceptedAt !== null) pausesMs.push(now - acceptedAt);
      acceptedAt = event.type === "partition.accepted" ? now : null;
      // Modules are loaded and servers connected to by then.
      if (event.type === "partition.started") cpu.first ??= cpuSeconds(child.pid);
      if (event.type === "run.publishing") cpu.last = cpuSeconds(child.pid);
      for (const each of waiting) each(event);
    }
  });
  const closed = new Promise((resolve) => child.on("close", resolve));
  return {
    child,
    pausesMs,
    next: (type, isIt = () => true) =>
      new Promise((resolve, reject) => {
        const look = (event) => {
          if (event.type !== type || !isIt(event)) return;
          waiting.delete(look);
          resolve(event);
        };
        waiting.add(look);
        void closed.then(() => reject(new Error(`${argv[0]} ended without ${type}: ${stderr}`)));
      }),
    async ended() {
      const code = await closed;
      rmSync(state, { recursive: true, force: true });
      if (code !== 0) throw new Error(`${argv.join(" ")} ended with ${code}: ${stderr}`);
      return {
        wallSeconds: (performance.now() - begun) / 1000,
        dispatchSeconds: (at["run.publishing"] - at["run.planned"]) / 1000,
        cpuSeconds: cpu.last - cpu.first,
      };
    },
  };
}

/** Of the process alone, without its worker host. */
function cpuSeconds(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const [user, system] = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .slice(11, 13);
  return (Number(user) + Number(system)) / ticksPerSecond;
}

function project({ cache, model }, name, parquet, partitionRows) {
  const folder = `${cache}/queue/${name}`;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(`${folder}/jobs`, { recursive: true });
  const job = `${folder}/jobs/w1.yaml`;
  const columns = Array.from({ length: 28 }, (_, f) => `f${f}`);
  writeFileSync(
    job,
    [
      "version: 1",
      "name: w1",
      `model: ${model}`,
      `input: { from: ${parquet}, key: [id] }`,
      `features: { input: { stack: [${columns.join(", ")}] } }`,
      'outputs: { label: { column: label }, probabilities: { columns: { probability_0: "0", probability_1: "1" } } }',
      "write: { to: ../out, mode: replace }",
      `limits: { partition_rows: ${partitionRows} }`,
      "",
    ].join("\n"),
  );
  return { job, parquet };
}
