/** Runs every example of docs/mapping-more.md: its files, its mapping, its rows in and its rows out. */
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  Bool,
  type DataType,
  DateDay,
  Decimal,
  Dictionary,
  Field,
  Float32,
  Float64,
  Int16,
  Int32,
  Int64,
  List,
  Struct,
  Utf8,
  type Vector,
  vectorFromArray,
} from "apache-arrow";
import { parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parquetFormat } from "../../src/formats/parquet/parquet-format.js";
import type { HookRuntime } from "../../src/hooks/hook.js";
import { previewJob, readRows } from "../../src/planning/preview.js";
import type { OnnxModel } from "../../src/runtimes/onnx/model-proto.js";
import { onnxRuntime } from "../../src/runtimes/onnx/onnx-runtime.js";
import { fileSource } from "../../src/sources/files/file-source.js";
import { TableRoots } from "../../src/sources/files/table-formats.js";
import { loadJob } from "../../src/spec/load.js";
import { localStore } from "../../src/stores/local/local-store.js";
import { systemClock } from "../../src/wiring/system-clock.js";
import { filesOf } from "../support/jobs.js";
import { nightshift } from "../support/nightshift.js";
import { floats, identity, model, modelBytes, node, types, value } from "../support/onnx-models.js";
import { writeParquet } from "../support/parquet-rows.js";

const repository = fileURLToPath(new URL("../../", import.meta.url));
const text = readFileSync(join(repository, "docs/mapping-more.md"), "utf8");

interface Example {
  readonly title: string;
  /** The mapping part of a job. */
  readonly spec: string;
  /** By name: what is between fences that name a file. */
  readonly files: { readonly [name: string]: string };
  readonly rowsIn: readonly object[];
  readonly rowsOut: readonly object[];
}

const examples = text.split(/^## /m).slice(1).map(readExample);

function readExample(section: string): Example {
  const title = section.slice(0, section.indexOf("\n"));
  const fences = [...section.matchAll(/^```(\w+)(?: (\S+))?\n(.*?)^```$/gms)].map(
    ([, language = "", name = "", body = ""]) => ({ language, name, body }),
  );
  const named = (wanted: string): readonly object[] =>
    JSON.parse(fences.find(({ name }) => name === wanted)?.body ?? "[]");
  return {
    title,
    spec: fences.find(({ language }) => language === "yaml")?.body ?? "",
    files: Object.fromEntries(
      fences.filter(({ name }) => name.includes(".")).map(({ name, body }) => [name, body]),
    ),
    rowsIn: named("in"),
    rowsOut: named("out"),
  };
}

const listOf = (item: DataType) => new List(new Field("element", item, true));
const dictionary = new Dictionary(new Utf8(), new Int32());
const user = new Struct([
  new Field("age", new Int32(), true),
  new Field("home", new Struct([new Field("city", new Utf8(), true)]), true),
]);

const vectors = (columns: { readonly [name: string]: readonly [DataType, readonly unknown[]] }) =>
  Object.fromEntries(
    Object.entries(columns).map(([name, [type, values]]) => [name, vectorFromArray(values, type) as Vector]),
  );

/** Each input passed through to an output, as an exported model that does nothing else would. */
function passing(inputs: {
  readonly [name: string]: readonly [number, readonly (number | string | null)[]];
}) {
  return model({
    node: Object.keys(inputs).map((name) => node({ op: "Identity", in: [name], out: [`${name}_out`] })),
    input: Object.entries(inputs).map(([name, [type, shape]]) => value(name, type, shape)),
    output: Object.entries(inputs).map(([name, [type, shape]]) => value(`${name}_out`, type, shape)),
  });
}

const tokens = ["N", "sequence"];

/** What each example is about; its rows and its mapping are in the document. */
const settings: {
  readonly [title: string]: {
    readonly data: ReturnType<typeof vectors> | "flight-delay";
    readonly model: OnnxModel | "flight-delay";
  };
} = {
  "Categories as numbers": {
    data: vectors({
      distance: [new Float32(), [250, 90, 1200]],
      origin: [dictionary, ["LIS", "OPO", "GST"]],
    }),
    model: identity(types.FLOAT, ["N", 2]),
  },
  "Words of a list as numbers": {
    data: vectors({ words: [listOf(new Utf8()), [["late", "again"], ["late"], ["so", "late", "again"]]] }),
    model: passing({ input_ids: [types.INT64, tokens] }),
  },
  "Lists of any length": {
    data: vectors({
      tokens: [
        listOf(new Int64()),
        [
          [5n, 6n],
          [7n, 8n, 9n, 10n],
        ],
      ],
    }),
    model: passing({ input_ids: [types.INT64, tokens], attention_mask: [types.INT64, tokens] }),
  },
  "The same value everywhere": {
    data: vectors({
      tokens: [
        listOf(new Int64()),
        [
          [5n, 6n],
          [7n, 8n],
        ],
      ],
    }),
    model: passing({ input_ids: [types.INT64, tokens], token_type_ids: [types.INT64, tokens] }),
  },
  "Fractions that are cut off": {
    data: vectors({ minutes: [new Float64(), [12.75, -3.5]] }),
    model: passing({ x: [types.INT64, ["N", 1]] }),
  },
  "The type that a model was trained with": {
    data: vectors({ price: [new Float64(), [0.1, 16777217]], zip: [new Int64(), [1000n, 4050n]] }),
    model: passing({ x: [types.DOUBLE, ["N", 1]], area: [types.STRING, ["N", 1]] }),
  },
  "Half precision and booleans": {
    data: vectors({ ratio: [new Float32(), [0.5, 0.333]], member: [new Bool(), [true, null]] }),
    model: passing({ ratio: [types.FLOAT16, ["N", 1]], member: [types.BOOL, ["N", 1]] }),
  },
  "Fields of structs": {
    data: vectors({
      user: [
        user,
        [
          { age: 31, home: { city: "Porto" } },
          { age: 45, home: null },
        ],
      ],
    }),
    model: passing({ age: [types.FLOAT, ["N", 1]], city: [types.STRING, ["N", 1]] }),
  },
  "Dates, decimals and dictionaries as they are": {
    data: vectors({
      day: [new DateDay(), [new Date("2026-01-05"), new Date("2026-03-01")]],
      price: [
        new Decimal(2, 10),
        [Uint32Array.of(1250, 0, 0, 0), new Uint32Array(4).fill(-1).fill(-25, 0, 1)],
      ],
      stars: [new Dictionary(new Int16(), new Int32()), [4, 5]],
    }),
    model: identity(types.FLOAT, ["N", 4]),
  },
  "A class, and whether it is likely enough": { data: "flight-delay", model: "flight-delay" },
  "Names for classes": {
    data: vectors({ x: [listOf(new Float32()), [[0.1, 2.5, -1]]] }),
    model: model({
      node: [node({ op: "Identity", in: ["x"], out: ["logits"] })],
      input: [value("x", types.FLOAT, ["N", 3])],
      output: [value("logits", types.FLOAT, ["N", 3])],
    }),
  },
  "The best of many": {
    data: vectors({
      user_vec: [
        listOf(new Float32()),
        [
          [1, 0],
          [0.5, 1],
        ],
      ],
      seen: [listOf(new Int64()), [[101n], []]],
    }),
    model: model({
      node: [node({ op: "MatMul", in: ["user_vec", "items"], out: ["scores"] })],
      initializer: [floats("items", [2, 4], [4, 3, 2, 1, 0, 1, 2, 3])],
      input: [value("user_vec", types.FLOAT, ["N", 2])],
      output: [value("scores", types.FLOAT, ["N", 4])],
    }),
  },
};

let root: string;

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "nightshift-examples-"));
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A folder with what the example needs, and the job that it describes. */
async function lay({ title, spec, files }: Example): Promise<string> {
  const setting = settings[title];
  if (setting === undefined) throw new Error(`the test knows no example "${title}"`);
  const folder = mkdtempSync(join(root, "example-"));
  for (const [name, body] of Object.entries(files)) writeFileSync(join(folder, name), body);
  const fixtures = join(repository, "fixtures/models");
  if (setting.data === "flight-delay")
    symlinkSync(join(fixtures, "flight-delay.input.parquet"), join(folder, "data.parquet"));
  else writeFileSync(join(folder, "data.parquet"), await writeParquet(setting.data));
  if (setting.model === "flight-delay")
    symlinkSync(join(fixtures, "flight-delay.onnx"), join(folder, "model.onnx"));
  else writeFileSync(join(folder, "model.onnx"), modelBytes(setting.model));
  writeFileSync(
    join(folder, "job.yaml"),
    `version: 1
name: example
model: model.onnx
input: { from: data.parquet }
passthrough: none
write: { to: out.parquet }
${spec}`,
  );
  return folder;
}

async function jobIn(folder: string) {
  const { job } = await loadJob("job.yaml", {
    cwd: folder,
    vars: {},
    environment: {},
    now: new Date(0),
    outputRoot: null,
  });
  return job;
}

const store = localStore();
const format = parquetFormat();
const signal = new AbortController().signal;
/** No example has hooks. */
const noHookRuntime: HookRuntime = {
  bundle: () => Promise.reject(new Error("not asked for")),
  load: () => Promise.reject(new Error("not asked for")),
};

const asObjects = ({
  columns,
  rows,
}: {
  columns: readonly string[];
  rows: readonly (readonly unknown[])[];
}) => rows.map((row) => Object.fromEntries(columns.map((name, place) => [name, row[place]])));

describe("docs/mapping-more.md", () => {
  it("has the examples that this test knows, no more and no fewer", () => {
    expect(examples.map(({ title }) => title)).toEqual(Object.keys(settings));
  });

  it.each(examples.map((example) => [example.title, example] as const))("%s", async (_title, example) => {
    const folder = await lay(example);
    const { rowsIn, rowsOut } = example;
    const job = await jobIn(folder);
    const given = await readRows(
      { from: filesOf(job).input.from, limit: rowsIn.length },
      { store, format },
      signal,
    );
    // What the document shows of the input; wide tables are shown in part.
    expect(asObjects(given)).toMatchObject(rowsIn);
    const preview = await previewJob(
      { job, guess: false, limit: rowsOut.length },
      {
        source: fileSource({ from: filesOf(job).input.from, store, format }),
        runtime: onnxRuntime(),
        hooks: noHookRuntime,
        store,
        format,
        clock: systemClock,
        openFile: async () => fileSource({ from: filesOf(job).input.from, store, format }),
        tables: new TableRoots(store),
        noteRow: () => () => undefined,
      },
      signal,
    );
    expect(rowsOut.length).toBeGreaterThan(0);
    expect(asObjects(preview)).toEqual(rowsOut);
  });

  it("the command line runs an example in threads, and writes what another reader understands", async () => {
    const example = examples.find(({ title }) => title === "The best of many");
    if (example === undefined) throw new Error("no such example");
    const folder = await lay(example);
    const { status, stderr } = nightshift(folder, "run", "job.yaml");
    expect({ status, stderr }).toMatchObject({ status: 0 });
    const file = new Uint8Array(readFileSync(join(folder, "out.parquet"))).buffer;
    const rows = await parquetReadObjects({ file, compressors });
    expect(JSON.parse(JSON.stringify(rows, (_key, v) => (typeof v === "bigint" ? Number(v) : v)))).toEqual(
      example.rowsOut,
    );
  });

  it("a value that a map does not have is put aside with its reason, and lists go through partitions", async () => {
    const example = examples.find(({ title }) => title === "Categories as numbers");
    const best = examples.find(({ title }) => title === "The best of many");
    if (example === undefined || best === undefined) throw new Error("no such example");
    const folder = await lay({
      ...example,
      spec: `${example.spec.replace(", unknown: 0", "")}limits: { on_row_error: quarantine }\n`,
    });
    const { status, stderr } = nightshift(folder, "run", "job.yaml");
    expect({ status, stderr }).toMatchObject({ status: 4, stderr: expect.stringContaining("1 quarantined") });
    expect(nightshift(folder, "errors").stdout).toContain("unknown_category");

    const other = await lay(best);
    const job = readFileSync(join(other, "job.yaml"), "utf8");
    const split = "write: { to: parts, partition_by: [seen_any], add: { seen_any: yes } }";
    writeFileSync(join(other, "job.yaml"), job.replace("write: { to: out.parquet }", split));
    expect(nightshift(other, "run", "job.yaml")).toMatchObject({ status: 0 });
    expect(nightshift(other, "inspect", "parts", "--full").stdout).toContain("2 rows");
  });

  it("a map that changed after the run was planned stops it, and says which file", async () => {
    const example = examples.find(({ title }) => title === "Categories as numbers");
    if (example === undefined) throw new Error("no such example");
    const folder = await lay(example);
    const fingerprint = (): string =>
      JSON.parse(nightshift(folder, "plan", "job.yaml", "--json").stdout).plan.fingerprint;
    const before = fingerprint();
    expect(nightshift(folder, "plan", "job.yaml", "--out", "plan.json").status).toBe(0);
    writeFileSync(join(folder, "origins.json"), '{ "LIS": 2, "OPO": 1 }');
    expect(fingerprint()).not.toBe(before);
    const { status, stderr } = nightshift(folder, "run", "plan.json");
    expect(status).toBe(1);
    expect(stderr).toContain("origins.json changed after the run was planned");
  });
});
