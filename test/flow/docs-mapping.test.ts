import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import type { JsonValue } from "../../src/errors.js";
import { previewJob } from "../../src/planning/preview.js";
import { createRegistry } from "../../src/registry.js";
import { loadJob } from "../../src/spec/load.js";
import { systemClock } from "../../src/wiring/system-clock.js";
import { modelBytes } from "../support/onnx-models.js";
import { writeParquet } from "../support/parquet-rows.js";
import { columnsOf, echoingModel, type WorkedExample, workedExamples } from "../support/worked-examples.js";

const repository = fileURLToPath(new URL("../../", import.meta.url));
const root = mkdtempSync(join(tmpdir(), "nightshift-mapping-"));
const registry = createRegistry({
  note: () => undefined,
  hookDir: join(root, "hooks"),
  environment: {},
  outputRoot: null,
  mayRunHooks: true,
});
const examples = workedExamples(readFileSync(join(repository, "docs/mapping.md"), "utf8"));

afterAll(() => rmSync(root, { recursive: true, force: true }));

test("every block of YAML is a worked example", () => {
  const blocks = readFileSync(join(repository, "docs/mapping.md"), "utf8").match(/```yaml/g) ?? [];
  expect(examples).toHaveLength(blocks.length);
});

test.each(examples.map((example, index) => [`${index + 1}: ${example.title}`, example] as const))(
  "docs/mapping.md, example %s",
  async (name, example) => {
    const { columns, rows } = await preview(name.replaceAll(/\W+/g, "-"), example);
    expect(columns).toEqual(example.output.header);
    expect(rows.map((row) => row.map(shown))).toEqual(example.output.rows.map((row) => row.map(unquoted)));
  },
);

/** What `nightshift preview` shows for the example's job. */
async function preview(name: string, example: WorkedExample) {
  const folder = join(root, name);
  mkdirSync(folder);
  const spec = parse(example.yaml) ?? {};
  const model = spec.model === undefined ? echo(folder, example) : join(repository, "docs", spec.model);
  const from =
    example.input === null ? model.replace(/\.onnx$/, ".input.parquet") : join(folder, "rows.parquet");
  if (example.input !== null) writeFileSync(from, await writeParquet(columnsOf(example.input)));

  const whole = { version: 1, name: "example", write: { to: "out" }, ...spec, model, input: { from } };
  writeFileSync(join(folder, "job.yaml"), stringify(whole));
  const { job } = await loadJob(join(folder, "job.yaml"), {
    cwd: folder,
    vars: {},
    environment: {},
    now: new Date(),
    outputRoot: null,
  });
  return previewJob(
    { job, guess: false, limit: example.output.rows.length },
    {
      source: await registry.source(job.input),
      runtime: await registry.runtime(),
      hooks: await registry.hooks(),
      store: await registry.store(),
      format: await registry.format(),
      clock: systemClock,
      openFile: registry.sourceOfFile,
      tables: await registry.tables(),
      noteRow: () => () => undefined,
    },
    new AbortController().signal,
  );
}

function echo(folder: string, { yaml }: WorkedExample): string {
  const path = join(folder, "echo.onnx");
  writeFileSync(path, modelBytes(echoingModel(yaml)));
  return path;
}

/** As the document writes values: four digits are enough. */
function shown(value: JsonValue): string {
  if (Array.isArray(value)) return `[${value.map(shown).join(", ")}]`;
  return typeof value === "number" ? String(Number(value.toFixed(4))) : String(value);
}

function unquoted(cell: string): string {
  return cell.replaceAll("`", "");
}
