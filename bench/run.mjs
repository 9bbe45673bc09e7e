// npm run bench [-- --runs 3] [--large] [--postgres] [--queue]
// Medians of several runs, side by side in one go with a pyarrow + ONNX Runtime script doing the same work.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { measure, median } from "./measure.mjs";
import { benchPostgres } from "./postgres.mjs";
import { benchQueue } from "./queue.mjs";
import { makeW1Data } from "./w1-data.mjs";

// Nothing that is measured reports to Microsoft meanwhile.
process.env.ORT_DISABLE_TELEMETRY = "1";

const root = fileURLToPath(new URL("..", import.meta.url));
const cache = `${root}.cache/bench`;
const cli = `${root}dist/bundle/cli.js`;
const model = `${root}fixtures/models/w1-lightgbm.onnx`;
const { values: flags } = parseArgs({
  options: {
    runs: { type: "string", default: "5" },
    large: { type: "boolean", default: false },
    postgres: { type: "boolean", default: false },
    queue: { type: "boolean", default: false },
    rows: { type: "string" },
  },
});
const runs = Number(flags.runs);
const rows = Number(flags.rows ?? (flags.postgres ? 1_000_000 : 2_000_000));

console.log(
  `Node ${process.version}, ${availableParallelism()} cores, ${cpus()[0]?.model ?? "unknown processor"}`,
);
mkdirSync(cache, { recursive: true });
const table = [];

async function repeat(name, command, args, count = runs, output = null) {
  const once = async (sampleMemory) => {
    if (output !== null) for (const path of output) rmSync(path, { recursive: true, force: true });
    const result = await measure(command, args, { cwd: cache, sampleMemory });
    if (result.code !== 0) throw new Error(`${name} ended with ${result.code}:\n${result.output}`);
    return result;
  };
  // The first run warms the caches, and is the one whose memory is watched.
  const { peakBytes } = await once(true);
  const results = [];
  for (let run = 0; run < count; run++) results.push(await once(false));
  return {
    seconds: median(results.map((result) => result.seconds)),
    spread: [Math.min(...results.map((r) => r.seconds)), Math.max(...results.map((r) => r.seconds))],
    peakBytes,
  };
}

function report(name, result, rowCount) {
  table.push({
    what: name,
    "median s": result.seconds.toFixed(3),
    "min-max s": result.spread.map((s) => s.toFixed(2)).join("-"),
    "rows/s": rowCount === null ? "" : Math.round(rowCount / result.seconds).toLocaleString("en-US"),
    "peak MB (all processes)": Math.round(result.peakBytes / 1e6),
  });
}

async function score(name, input, rowCount, count = runs) {
  const args = [
    cli,
    "score",
    model,
    input,
    "-o",
    "out",
    "--key",
    "id",
    "--progress",
    "none",
    "--state",
    `${cache}/state`,
  ];
  const traces = ["out", ".out.nightshift", "out.quarantine", "state"].map((path) => `${cache}/${path}`);
  const result = await repeat(name, process.execPath, args, count, traces);
  report(name, result, rowCount);
  return result;
}

const w1 = `${cache}/w1-${rows}.parquet`;
const tensors = `${cache}/w1-tensors.onnx`;
makeW1Data(w1, rows);
if (flags.queue) await benchQueue({ cache, cli, model, parquet: w1, rows, runs });
else await benchOneProcess();

async function benchOneProcess() {
  const python = peerPython();
  if (python === null) console.log("The peers are not run: no Python 3 with venv and pip here.");
  else spawnSync(python, [`${root}bench/strip_zipmap.py`, model, tensors], { stdio: "inherit" });
  if (flags.postgres)
    await benchPostgres({ cache, cli, root, model, tensors, parquet: w1, rows, python, repeat, report });
  else await benchFiles(python);
  console.table(table);
}

async function benchFiles(python) {
  const small = `${cache}/w1-1000.parquet`;
  makeW1Data(small, 1000);
  report("nightshift --help", await repeat("help", process.execPath, [cli, "--help"]), null);
  await score("nightshift score, 1,000 rows", small, 1000);
  const ours = await score(`W1 nightshift score, ${rows.toLocaleString("en-US")} rows`, w1, rows);
  if (python !== null) {
    const peer = `${root}bench/peer_pyarrow_onnxruntime.py`;
    const theirs = await repeat("peer", python, [peer, tensors, w1, `${cache}/peer.parquet`]);
    report("W1 pyarrow + ONNX Runtime", theirs, rows);
    console.log(`W1: ${(theirs.seconds / ours.seconds).toFixed(2)} times as fast as pyarrow + ONNX Runtime.`);
  }
  if (!flags.large) return;
  const large = `${cache}/w1-${rows * 10}.parquet`;
  makeW1Data(large, rows * 10);
  const result = await score(`W1 x 10, ${(rows * 10).toLocaleString("en-US")} rows`, large, rows * 10, 1);
  console.log(
    `Peak memory at ten times the rows: ${(result.peakBytes / ours.peakBytes).toFixed(2)} of W1's.`,
  );
}

/** A virtual environment in the cache with pinned peers; `null` where Python does not allow it. */
function peerPython() {
  const venv = `${cache}/venv`;
  const python = `${venv}/bin/python`;
  if (existsSync(`${venv}/ready-psycopg`)) return python;
  const steps = [
    ["python3", ["-m", "venv", venv]],
    [
      python,
      [
        "-m",
        "pip",
        "install",
        "-q",
        "pyarrow==26.0.1",
        "onnxruntime==1.30.0",
        "onnx==1.23.2",
        "numpy==2.4.6",
        "psycopg[binary]==3.3.9",
      ],
    ],
    ["touch", [`${venv}/ready-psycopg`]],
  ];
  for (const [command, args] of steps) {
    if (spawnSync(command, args, { stdio: "inherit" }).status !== 0) return null;
  }
  return python;
}
