// node bench/first-five-minutes.mjs [--runs 3] [--python python3] [--write]
// From a folder with nothing but a model and a Parquet file to predictions on the screen: Nightshift, and the
// documented way of two peers. All in one go, on this machine; --write puts the table into docs/first-five-minutes.md.
import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { median } from "./measure.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const place = emptyPlace();
const models = `${root}fixtures/models`;
const { values: flags } = parseArgs({
  options: {
    runs: { type: "string", default: "3" },
    python: { type: "string", default: "python3" },
    write: { type: "boolean", default: false },
  },
});

/** What a person types, in order. */
const ways = [
  {
    name: "Nightshift",
    install: [`ONNXRUNTIME_NODE_INSTALL=skip npm install --no-audit --no-fund ${packed()}`],
    run: [
      "npx nightshift preview model.onnx data.parquet",
      "npx nightshift score model.onnx data.parquet -o predictions.parquet",
    ],
    code: null,
    version: () => JSON.parse(readFileSync(`${root}package.json`, "utf8")).version,
  },
  peer("Ray Data", "ray_data.py", "'ray[data]' onnxruntime", "ray"),
  peer("MLflow", "mlflow_pyfunc.py", "mlflow onnx onnxruntime", "mlflow"),
];

function peer(name, code, packages, distribution) {
  return {
    name,
    install: [`${flags.python} -m venv .venv`, `.venv/bin/pip install -q ${packages}`],
    run: [`.venv/bin/python ${code}`],
    code,
    version: (folder) =>
      /^Version: (.+)$/m.exec(shell(`.venv/bin/pip show ${distribution}`, folder).stdout)?.[1] ?? "unknown",
  };
}

process.on("exit", () => rmSync(place, { recursive: true, force: true }));
const wanted = new Map(
  (await rowsOf(`${models}/adult-pipeline.expected.parquet`)).map((row) => [row.id, row.output_label]),
);
const results = [];
for (const way of ways) {
  const folder = join(place, way.name);
  mkdirSync(folder);
  copyFileSync(`${models}/adult-pipeline.onnx`, `${folder}/model.onnx`);
  copyFileSync(`${models}/adult.input.parquet`, `${folder}/data.parquet`);
  if (way.code !== null) copyFileSync(`${root}bench/first-five-minutes/${way.code}`, `${folder}/${way.code}`);
  results.push({ way, folder, installSeconds: seconds(way.install, folder), runSeconds: [] });
}
// In turns, so that a busy moment of the machine slows all of them.
for (let run = 0; run < Number(flags.runs); run++)
  for (const { way, folder, runSeconds } of results) {
    for (const left of [
      "predictions.parquet",
      "predictions",
      "mlflow-model",
      ".nightshift",
      ".predictions.parquet.nightshift",
    ])
      rmSync(join(folder, left), { recursive: true, force: true });
    runSeconds.push(seconds(way.run, folder));
    await checkPredictions(way.name, folder);
  }

const table = [
  "| | version | commands | lines of code | install s | first run s | median run s | installed MB |",
  "| --- | --- | --: | --: | --: | --: | --: | --: |",
  ...results.map(({ way, folder, installSeconds, runSeconds }) =>
    [
      "",
      way.name,
      way.version(folder),
      way.install.length + way.run.length,
      way.code === null ? 0 : linesOf(way.code),
      installSeconds.toFixed(1),
      runSeconds[0]?.toFixed(1),
      median(runSeconds).toFixed(1),
      Math.round(sizeOf(join(folder, way.code === null ? "node_modules" : ".venv")) / 1e6),
      "",
    ]
      .join(" | ")
      .trim(),
  ),
].join("\n");
const machine = `Node ${process.version}, ${availableParallelism()} cores, ${cpus()[0]?.model ?? "unknown processor"}, ${flags.runs} runs in turns.`;
console.log(`${machine}\n\n${table}`);
if (flags.write) writeTable(`${root}docs/first-five-minutes.md`);

/** Outside of any project: npm installs into the nearest one above, and Nightshift keeps its state there. */
function emptyPlace() {
  const made = mkdtempSync(join(tmpdir(), "nightshift-first-five-minutes-"));
  for (let above = dirname(made); ; above = dirname(above)) {
    for (const name of ["package.json", "node_modules", "nightshift.yaml", "jobs"])
      if (existsSync(join(above, name)))
        throw new Error(`${above} has ${name}: set TMPDIR to a place without`);
    if (above === dirname(above)) return made;
  }
}

/** The package as it would be published. Without scripts: `dist/` has to be built already. */
function packed() {
  const result = shell(`npm pack --ignore-scripts --silent --pack-destination ${place}`, root);
  return join(place, result.stdout.trim().split("\n").at(-1));
}

function shell(command, folder) {
  const env = {
    ...process.env,
    NO_COLOR: "1",
    // Nothing is printed meanwhile.
    RAY_USAGE_STATS_ENABLED: "0",
    ORT_DISABLE_TELEMETRY: "1",
    MLFLOW_DISABLE_TELEMETRY: "true",
  };
  const result = spawnSync("bash", ["-c", command], { cwd: folder, env, encoding: "utf8", maxBuffer: 1e8 });
  if (result.status === 0) return result;
  throw new Error(`${command}\nended with ${result.status}:\n${result.stdout}\n${result.stderr}`);
}

function seconds(commands, folder) {
  const started = performance.now();
  for (const command of commands) shell(command, folder);
  return (performance.now() - started) / 1000;
}

/** All of them must say the same, or their times say nothing. */
async function checkPredictions(name, folder) {
  const inFolder = (under) =>
    readdirSync(join(folder, under))
      .filter((file) => file.endsWith(".parquet"))
      .map((file) => join(folder, under, file));
  const isFolder = readdirSync(folder).includes("predictions");
  const files = isFolder ? inFolder("predictions") : [join(folder, "predictions.parquet")];
  const rows = (await Promise.all(files.map(rowsOf))).flat();
  const wrong = rows.filter(({ id, prediction }) => Number(prediction) !== Number(wanted.get(id)));
  if (rows.length !== wanted.size || wrong.length > 0)
    throw new Error(`${name} gave ${rows.length} rows, ${wrong.length} of them wrong`);
}

async function rowsOf(path) {
  return parquetReadObjects({ file: await asyncBufferFromFile(path), compressors });
}

/** Lines with something on them that is no comment. */
function linesOf(code) {
  const lines = readFileSync(`${root}bench/first-five-minutes/${code}`, "utf8").split("\n");
  return lines.filter((line) => line.trim() !== "" && !line.trim().startsWith("#")).length;
}

function sizeOf(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}

function writeTable(document) {
  const text = readFileSync(document, "utf8");
  const marked = /(<!-- measured -->\n)[\s\S]*?(<!-- \/measured -->)/;
  writeFileSync(
    document,
    text.replace(marked, (_all, begin, end) => `${begin}${machine}\n\n${table}\n${end}`),
  );
}
