// npm run test:corpora -- DIR [--readme] [--engine NAME]
// Holds the command line against other projects' models and Parquet files: what must hold is in DIR/expected.json.
// With --readme what was measured goes into the table of DIR/README.md.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { compareRows } from "./compare-predictions.mjs";

const cli = fileURLToPath(new URL("../dist/bundle/cli.js", import.meta.url));
const { values: options, positionals } = parseArgs({
  options: { readme: { type: "boolean", default: false }, engine: { type: "string" } },
  allowPositionals: true,
});
const folder = resolve(positionals[0] ?? usage());
const models = join(folder, "models");
const expected = JSON.parse(readFileSync(join(folder, "expected.json"), "utf8"));
const scratch = mkdtempSync(join(tmpdir(), "nightshift-corpora-"));
const tableRows = [];
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
if (options.readme && failures.length === 0) writeTable(join(folder, "README.md"));
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

async function checkModel(file, { input, expected: expectedFile, flags, spec, outputs, about }) {
  const model = join(models, file);
  const data = join(models, input);
  const output = join(scratch, `${basename(file, ".onnx")}.parquet`);
  const engine = options.engine === undefined ? [] : ["--engine", options.engine];
  if (spec === undefined) succeed(["score", model, data, "-o", output, ...flags, ...engine]);
  else runSpec(model, data, output, file, spec);
  const parity = compareRows(await readRows(output), await readRows(join(models, expectedFile)), outputs);
  if (about !== undefined) tableRows.push({ name: basename(file, ".onnx"), ...about, ...parity });
  return `${parity.rows} rows, worst error ${parity.worstError.toExponential(1)}`;
}

/** A model that needs a mapping is run from a spec, in JSON, which YAML includes. */
function runSpec(model, data, output, file, spec) {
  const path = join(scratch, `${basename(file, ".onnx")}.yaml`);
  const job = {
    version: 1,
    name: basename(file, ".onnx"),
    model,
    ...(options.engine === undefined ? {} : { engine: options.engine }),
    ...spec,
    input: { from: data, ...spec.input },
    write: { to: output, mode: "error" },
  };
  // Files of a mapping lie beside the model.
  const absolute = (key, value) => (key === "file" ? join(models, value) : value);
  writeFileSync(path, JSON.stringify(job, absolute, 2));
  succeed(["run", path]);
}

/** Every fixture in one table, as it was just measured, between two markers. */
function writeTable(readme) {
  const lines = tableRows.map(({ name, trainer, export: exported, needs, rows, wrongLabels, worstError }) =>
    [
      `\`${name}\``,
      trainer,
      exported,
      needs,
      rows.toLocaleString("en"),
      wrongLabels,
      worstError.toExponential(1),
    ].join(" | "),
  );
  const table = [
    "| model | trained with | exported with | needs | rows | wrong labels | worst error |",
    "| --- | --- | --- | --- | --: | --: | --: |",
    ...lines.map((line) => `| ${line} |`),
  ].join("\n");
  const text = readFileSync(readme, "utf8");
  const marked = /(<!-- command line -->\n)[\s\S]*?(<!-- \/command line -->)/;
  if (!marked.test(text)) throw new Error(`${readme} has no markers for the table`);
  writeFileSync(
    readme,
    text.replace(marked, (_all, begin, end) => `${begin}${table}\n${end}`),
  );
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
  const scored = nightshift(["score", join(models, model), file, "-o", output]);
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
  console.error(
    "usage: npm run test:corpora -- DIR [--readme] [--engine NAME]   (a folder with an expected.json)",
  );
  process.exit(2);
}
