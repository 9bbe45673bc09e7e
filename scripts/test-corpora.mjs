// npm run test:corpora -- DIR
// Holds the command line against other projects' models and Parquet files: what must hold is in DIR/expected.json.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";

const cli = fileURLToPath(new URL("../dist/cli.js", import.meta.url));
const folder = resolve(process.argv[2] ?? usage());
const expected = JSON.parse(readFileSync(join(folder, "expected.json"), "utf8"));
const scratch = mkdtempSync(join(tmpdir(), "nightshift-corpora-"));
const valueTolerance = 1e-5;
const boundaryTolerance = 1e-6;
let passed = 0;
const failures = [];

try {
  for (const [file, entry] of Object.entries(expected.models ?? {}))
    await check(file, () => checkModel(file, entry));
  for (const kind of ["parquet-good", "parquet-bad"]) {
    for (const [file, entry] of Object.entries(expected[kind] ?? {})) {
      await check(`${kind}/${file}`, () => checkData(join(folder, kind, file), entry));
    }
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
for (const failure of failures) console.error(failure);
console.log(`${passed} passed, ${failures.length} failed`);
process.exitCode = failures.length === 0 && passed > 0 ? 0 : 1;

async function check(name, run) {
  try {
    console.log(`ok    ${name}  ${await run()}`);
    passed += 1;
  } catch (error) {
    console.log(`FAIL  ${name}`);
    failures.push(`${name}: ${error.message}`);
  }
}

async function checkModel(file, { input, expected: expectedFile, flags, spec, outputs }) {
  const model = join(folder, "models", file);
  const data = join(folder, "models", input);
  const output = join(scratch, `${basename(file, ".onnx")}.parquet`);
  if (spec === undefined) succeed(["score", model, data, "-o", output, ...flags]);
  else runSpec(model, data, output, file, spec);
  const got = await readRows(output);
  const want = await readRows(join(folder, "models", expectedFile));
  if (got.length !== want.length) throw new Error(`${got.length} rows, expected ${want.length}`);
  let worst = 0;
  for (let row = 0; row < want.length; row++) {
    for (const tensor of outputs) worst = Math.max(worst, compare(got[row], want[row], tensor, row));
  }
  return `${want.length} rows, worst error ${worst.toExponential(1)}`;
}

/** A model that needs a mapping is run from a spec, in JSON, which YAML includes. */
function runSpec(model, data, output, file, spec) {
  const path = join(scratch, `${basename(file, ".onnx")}.yaml`);
  const job = {
    version: 1,
    name: basename(file, ".onnx"),
    model,
    input: { from: data },
    ...spec,
    write: { to: output, mode: "error" },
  };
  writeFileSync(path, JSON.stringify(job, null, 2));
  succeed(["run", path]);
}

/** The difference of one output of one row, relative to max(1, |expected|). */
function compare(got, want, tensor, row) {
  const value = tensor in want ? want[tensor] : byIndex(want, tensor);
  const name = tensor in got ? tensor : Array.isArray(value) ? "probabilities" : "prediction";
  const actual = name === "probabilities" && !(name in got) ? byLabel(got) : got[name];
  if (actual === undefined) throw new Error(`no column for ${tensor} among ${Object.keys(got).join(", ")}`);
  if (name === "prediction") {
    if (String(actual) === String(value) || isOnBoundary(want)) return 0;
    throw new Error(`row ${row}: ${tensor} is ${actual}, expected ${value}`);
  }
  const [a, b] = [[actual].flat(Infinity), [value].flat(Infinity)];
  if (a.length !== b.length)
    throw new Error(`row ${row}: ${tensor} has ${a.length} values, expected ${b.length}`);
  let worst = 0;
  for (let i = 0; i < b.length; i++) {
    const error = Math.abs(Number(a[i]) - Number(b[i])) / Math.max(1, Math.abs(Number(b[i])));
    if (!(error <= valueTolerance))
      throw new Error(`row ${row}: ${tensor}[${i}] is ${a[i]}, expected ${b[i]}`);
    worst = Math.max(worst, error);
  }
  return worst;
}

/** Element i of a tensor may stand in a column of its own, `tensor[i]`. */
function byIndex(row, tensor) {
  const values = [];
  while (`${tensor}[${values.length}]` in row) values.push(row[`${tensor}[${values.length}]`]);
  return values;
}

function byLabel(row) {
  const names = Object.keys(row).filter((name) => name.startsWith("probability_"));
  return names.length === 0 ? undefined : names.map((name) => row[name]);
}

/** Whether the two likeliest classes are so close that either label is right. */
function isOnBoundary(want) {
  const probabilities = Object.values(want).find(Array.isArray);
  if (probabilities === undefined) return false;
  const [first, second] = [...probabilities].sort((a, b) => b - a);
  return first - second <= boundaryTolerance;
}

function checkData(file, { rows, exit = 0 }) {
  const inspected = nightshift(["inspect", "--full", "--json", file]);
  if (inspected.status !== exit)
    throw new Error(`inspect ended with ${inspected.status}, expected ${exit}: ${inspected.stderr}`);
  if (exit !== 0) {
    if (!inspected.stderr.includes(basename(file)))
      throw new Error(`the error does not name the file: ${inspected.stderr}`);
    checkNothingPublished(file);
    return `exit ${exit}, named, nothing published`;
  }
  const found = JSON.parse(inspected.stdout).data.files[0].decodedRows;
  if (found !== rows) throw new Error(`${found} rows, expected ${rows}`);
  return `${rows} rows`;
}

function checkNothingPublished(file) {
  const model = Object.keys(expected.models)[0];
  const output = join(scratch, "of-a-bad-file");
  const scored = nightshift(["score", join(folder, "models", model), file, "-o", output]);
  if (scored.status === 0) throw new Error("score of a bad file succeeded");
  if (existsSync(output)) throw new Error("score of a bad file published something");
}

function succeed(args) {
  const result = nightshift(args);
  if (result.status !== 0)
    throw new Error(`nightshift ${args[0]} ended with ${result.status}: ${result.stderr}`);
}

function nightshift(args) {
  const all = [cli, ...args, "--state", join(scratch, "state"), "--progress", "none"];
  return spawnSync(process.execPath, all, { encoding: "utf8", cwd: scratch });
}

async function readRows(path) {
  return parquetReadObjects({ file: await asyncBufferFromFile(path), compressors });
}

function usage() {
  console.error("usage: npm run test:corpora -- DIR   (a folder with an expected.json)");
  process.exit(2);
}
