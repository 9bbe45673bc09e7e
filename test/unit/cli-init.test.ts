import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, describe, expect, it, test } from "vitest";
import { findFiles } from "../../src/cli/init/found-files.js";
import { inferMapping, type MappingQuestion } from "../../src/cli/init/infer-mapping.js";
import { openPrompt, type Prompt } from "../../src/cli/init/prompt.js";
import { suggestMapping } from "../../src/cli/inspect/suggest-mapping.js";
import { makePaint } from "../../src/cli/output/paint.js";
import type { Signature } from "../../src/data/tensor.js";
import { CancelledError } from "../../src/errors.js";
import { resolveMapping } from "../../src/mapping/resolve-mapping.js";
import { flowYaml } from "../../src/spec/write/flow-yaml.js";
import { jobYaml } from "../../src/spec/write/job-yaml.js";
import { featuresYaml, outputsYaml } from "../../src/spec/write/mapping-yaml.js";
import { resolvedYaml } from "../../src/spec/write/resolved-yaml.js";
import { filesInput, float32, int64, range, schemaOf, signatureOf, timestamp } from "../support/jobs.js";
import { makeSpecProject } from "../support/spec-project.js";

describe("questions", () => {
  let keyboard: PassThrough;
  let shown: string;
  let prompt: Prompt;

  beforeEach(() => {
    keyboard = new PassThrough();
    shown = "";
    const output = new PassThrough().on("data", (text) => {
      shown += text;
    });
    prompt = openPrompt({ input: keyboard, output, terminal: false, paint: makePaint(false) });
  });
  afterEach(() => prompt.close());

  it("an empty line takes what is offered, an answer wins over it", async () => {
    for (const [line, taken] of [
      ["", "a.onnx"],
      [" b.onnx ", "b.onnx"],
    ]) {
      const answer = prompt.ask({ text: "Model?", offered: "a.onnx" });
      keyboard.write(`${line}\n`);
      expect(await answer).toBe(taken);
    }
    expect(shown).toContain("Model? (a.onnx) ");
  });

  it("asks again until an answer will do", async () => {
    const answer = prompt.ask({
      text: "Key?",
      offered: null,
      refuse: (given) => (given === "id" ? null : `no column ${given}`),
    });
    for (const line of ["", "di", "id"]) {
      keyboard.write(`${line}\n`);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await answer).toBe("id");
    expect(shown).toContain("an answer is needed");
    expect(shown).toContain("no column di");
  });

  it("the end of the input stops it", async () => {
    const answer = prompt.ask({ text: "Model?", offered: null });
    keyboard.end();
    await expect(answer).rejects.toBeInstanceOf(CancelledError);
    await expect(prompt.ask({ text: "Data?", offered: null })).rejects.toBeInstanceOf(CancelledError);
  });

  it("features that cannot be found are asked for, and a misspelt one again", async () => {
    const question: MappingQuestion = {
      model: "m.onnx",
      signature: signatureOf([{ name: "x", type: "float32", shape: ["N", 2] }]),
      schema: schemaOf({ id: int64, a: float32, b: float32, c: float32 }),
      key: ["id"],
      features: undefined,
      acceptGuess: false,
      input: filesInput({ from: ["/data/x.parquet"], key: ["id"] }),
    };
    await expect(inferMapping(question, null)).rejects.toMatchObject({ code: "mapping.unmatched" });
    const inferred = inferMapping(question, prompt);
    for (const line of ["c, aa", "c, a"]) {
      keyboard.write(`${line}\n`);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await inferred).mapping.inputs).toMatchObject([{ columns: [{ column: "c" }, { column: "a" }] }]);
    expect(shown).toContain('the input has no column "aa"');
  });

  it("a guess is offered: Enter accepts it, and without a terminal only --accept-guess does", async () => {
    const question: MappingQuestion = {
      model: "m.onnx",
      signature: signatureOf([{ name: "x", type: "float32", shape: ["N", 2] }]),
      schema: schemaOf({ id: int64, a: float32, b: float32 }),
      key: ["id"],
      features: undefined,
      acceptGuess: false,
      input: filesInput({ from: ["/data/x.parquet"], key: ["id"] }),
    };
    await expect(inferMapping(question, null)).rejects.toMatchObject({ code: "mapping.guess" });
    const accepted = await inferMapping({ ...question, acceptGuess: true }, null);
    expect(accepted.mapping.warnings.join()).toContain("guessed");
    const asked = inferMapping(question, prompt);
    keyboard.write("\n");
    expect(await asked).toEqual(accepted);
    expect(shown).toContain("(a,b)");
  });
});

test("models and data nearby are found: the nearest first, folders of several files as globs", () => {
  const root = mkdtempSync(join(tmpdir(), "nightshift-near-"));
  for (const path of [
    "models/late.onnx",
    "m.onnx",
    "data/a.parquet",
    "data/b.parquet",
    "days/dt=1/x.parquet",
    "days/dt=2/x.parquet",
    "one.parquet",
    "node_modules/x/y.onnx",
    ".git/z.onnx",
  ]) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), "");
  }
  expect(findFiles(root)).toEqual({
    models: ["m.onnx", "models/late.onnx"],
    data: ["one.parquet", "data/*.parquet", "days/*/*.parquet"],
  });
  expect(findFiles(join(root, "none"))).toEqual({ models: [], data: [] });
  rmSync(root, { recursive: true });
});

const classifier: Signature = signatureOf(
  [
    { name: "float input", type: "float32", shape: ["N", 3] },
    { name: "no", type: "string", shape: ["N", 1] },
  ],
  [
    { name: "label", type: "int64", shape: ["N"], role: "label" },
    { name: "probabilities", type: "float32", shape: ["N", 2], labels: ["yes", "no"], role: "probabilities" },
    { name: "embedding", type: "float32", shape: ["N", 4] },
  ],
);

function block(signature: Signature, schema: Parameters<typeof suggestMapping>[1]): string {
  const suggested = suggestMapping(signature, schema);
  if (suggested === null) throw new Error("nothing was suggested");
  return `${featuresYaml(suggested.mapping).text}\n${outputsYaml(suggested.mapping, signature).text}`;
}

describe("a suggested mapping", () => {
  it("names placeholders where there is no data, and quotes what YAML would misread", () => {
    expect(block(classifier, null)).toBe(`features:
  float input: { stack: [f0, f1, f2] } # float32[N, 3]
  "no": { column: "no" } # string[N, 1]
outputs:
  label: { column: prediction }
  probabilities: { columns: { probability_yes: "yes", probability_no: "no" } }
  embedding: { column: embedding }`);
  });

  it("names the columns of the data where they are found", () => {
    const signature = signatureOf([{ name: "x", type: "float32", shape: ["N", 2] }], undefined, {
      featureNames: ["age", "hours per week"],
    });
    const schema = schemaOf({ id: int64, "hours per week": float32, age: float32 });
    expect(block(signature, schema)).toContain("  x: { stack: [age, hours per week] } # float32[N, 2]");
    expect(suggestMapping(signature, schema)?.isPlaceholder).toBe(false);
    expect(suggestMapping(signature, schemaOf({ id: int64 }))?.isPlaceholder).toBe(true);
  });

  it("takes lists for what is wide, deep or open", () => {
    const signature = signatureOf([
      { name: "pixels", type: "float32", shape: ["N", 1, 28, 28] },
      { name: "ids", type: "int64", shape: ["N", "L"] },
    ]);
    expect(block(signature, null)).toContain(
      "  pixels: { list: pixels } # float32[N, 1, 28, 28]\n  ids: { list: ids } # int64[N, ?]",
    );
  });

  it("feeds a text model from one list of tokens", () => {
    const input = (name: string) => ({ name, type: "int64", shape: ["N", 64] }) as const;
    const signature = signatureOf(["input_ids", "attention_mask", "token_type_ids"].map(input));
    expect(block(signature, null)).toContain(`features:
  input_ids: { list: input_ids, pad_to: 64, keep: first, mask: attention_mask } # int64[N, 64]
  token_type_ids: { value: 0 } # int64[N, 64]
outputs:`);
  });

  it("wraps many columns", () => {
    const signature = signatureOf([{ name: "x", type: "float32", shape: ["N", 40] }]);
    const lines = block(signature, null).split("\n");
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(100);
    expect(lines.slice(1, 4)).toEqual([
      "  x: # float32[N, 40]",
      "    stack:",
      expect.stringMatching(/^ {6}\[f0, f1, /),
    ]);
  });
});

test("a mapping with every rule is suggested in the words that it was resolved from", async () => {
  const project = makeSpecProject();
  const blocks = `features:
  x: # float32[N, 3]
    stack:
      [a, { column: at, part: hour, timezone: Europe/Lisbon }, { column: b, nulls: 0 }]
  one: { column: user.age, nulls: reject, cast: lossy, dtype: float32 } # float64[N]
  t: { list: tokens, pad_to: 8, pad_with: 1, keep: last, mask: m } # int64[N, 8]
  s: { value: 0 } # int64[N, 8]
outputs:
  p: { columns: { late: late }, argmax: said, labels: { "1": late }, threshold: { is_late: { label: late, at: 0.3 } } }
  q: { column: name, labels: { "0": zero } }
  k: { column: best, top_k: 2, exclude: seen, rank: true }`;
  project.write(
    "jobs/all.yaml",
    `version: 1\nname: all\nmodel: m.onnx\ninput: { from: a }\nwrite: { to: out }\n${blocks}\n`,
  );
  const { job } = await project.load("jobs/all.yaml");
  const signature = signatureOf(
    [
      { name: "x", type: "float32", shape: ["N", 3] },
      { name: "one", type: "float64", shape: ["N"] },
      { name: "t", type: "int64", shape: ["N", "L"] },
      { name: "m", type: "int64", shape: ["N", "L"] },
      { name: "s", type: "int64", shape: ["N", "L"] },
    ],
    [
      { name: "p", type: "float32", shape: ["N", 2], labels: ["0", "1"], role: "probabilities" },
      { name: "q", type: "int64", shape: ["N"] },
      { name: "k", type: "float32", shape: ["N", 4] },
    ],
  );
  const schema = schemaOf({
    a: float32,
    b: float32,
    at: timestamp,
    user: { kind: "struct", fields: [{ name: "age", type: int64, nullable: true }] },
    tokens: { kind: "list", item: int64 },
    seen: { kind: "list", item: int64 },
  });
  const mapping = resolveMapping({ job, signature, schema, guess: false });
  expect(`${featuresYaml(mapping).text}\n${outputsYaml(mapping, signature).text}`).toBe(blocks);
  project.remove();
});

describe("a job that was written is read as it was meant", () => {
  it.each([
    ["of plain names", "churn", ["id"], "../data/*.parquet"],
    ["of names that need quotes", "no", ["a: b", "c, d", "#x"], "../data, old/[x]/*.parquet"],
    ["without a key", "churn", [], "../data"],
  ])("%s", async (_, name, key, from) => {
    const project = makeSpecProject();
    const signature = signatureOf([{ name: "x: y", type: "float32", shape: ["N", 40] }]);
    const suggested = suggestMapping(signature, null);
    if (suggested === null) throw new Error("nothing was suggested");
    project.write(
      "jobs/new.yaml",
      jobYaml({
        name,
        model: "../m.onnx",
        externalData: ["../m.onnx.data"],
        from: [from],
        key,
        to: "../out/x y",
        features: featuresYaml(suggested.mapping),
        outputs: outputsYaml(suggested.mapping, signature),
        check: { file: "../x {{ y }}.parquet", tolerance: 1e-4 },
        found: suggested.mapping.found,
        warnings: ["the features were guessed"],
        input: "3 rows in 1 file",
      }),
    );
    const { job } = await project.load("jobs/new.yaml");
    expect(job).toMatchObject({
      name,
      model: { path: join(project.root, "m.onnx"), externalData: [join(project.root, "m.onnx.data")] },
      input: { from: [join(project.root, "jobs", from)], key, onEmpty: "fail" },
      features: {
        inputs: { "x: y": { kind: "stack", stack: range(40).map((index) => ({ column: `f${index}` })) } },
      },
      outputs: { score: { column: "score" } },
      check: { file: join(project.root, "x {{ y }}.parquet"), tolerance: 1e-4 },
      write: { to: join(project.root, "out/x y"), mode: "replace" },
    });
    project.remove();
  });
});

test("what explain shows of a job, read again, is the same job", async () => {
  const project = makeSpecProject();
  project.write(
    "jobs/all.yaml",
    `version: 1
name: all
model: { path: m.onnx, external_data: [m.data] }
input: { from: [a, "b/*.parquet"], key: id, on_empty: skip }
pre: ./pre.ts
features:
  x: { stack: [a, { column: at, part: hour, timezone: Europe/Lisbon }], nulls: 0 }
  y: { list: l, dim: 3 }
  z: c
  w: { column: user.age, map: { file: maps/ages.json, unknown: -1 }, nulls: reject }
  v: { stack: [{ column: b, map: { file: b.csv } }, { column: e, dtype: float32 }], cast: lossy, dtype: int64 }
  t: { list: tokens, pad_to: 8, pad_with: 1, keep: last, mask: m, map: { file: t.json } }
  s: { value: 0 }
outputs:
  p: { columns: { late: "1" }, labels: { "0": "no", "1": "on" }, argmax: a, threshold: { s: { label: "on", at: 0.3 } } }
  q: { column: r, labels: [x, y] }
  k: { column: best, top_k: 5, ids: { file: items.parquet, column: item_id }, exclude: seen, rank: true }
  j: { top_k: 2, threshold: { u: { at: 1 } } }
passthrough: [d]
post: ./post.js
write: { to: out, mode: append, partition_by: [d], add: { run: "{{ run.id }}", n: 1 } }
limits: { threads: 2, partition_timeout: 90s, memory: 2GiB, on_row_error: quarantine, max_error_rows: 5 }
engine: auto
providers: [cpu]
`,
  );
  const { job } = await project.load("jobs/all.yaml");
  project.write("jobs/again.yaml", resolvedYaml(job));
  expect((await project.load("jobs/again.yaml")).job).toEqual(job);
  project.remove();
});

test("values on one line", () => {
  expect(flowYaml(["a", "b, c", { d: null, "e: f": [1, true, "true", "1", "on", ""] }, {}])).toBe(
    '[a, "b, c", { d: null, "e: f": [1, true, "true", "1", "on", ""] }, {}]',
  );
});
