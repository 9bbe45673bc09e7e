// biome-ignore-all lint/suspicious/noTemplateCurlyInString: `${…}` is part of the language of specs
/** `init` reads downloaded models and data: no name in them becomes a part of the spec, or code that runs. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Float32, vectorFromArray } from "apache-arrow";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { suggestMapping } from "../../src/cli/inspect/suggest-mapping.js";
import { jobYaml } from "../../src/spec/write/job-yaml.js";
import { featuresYaml, outputsYaml } from "../../src/spec/write/mapping-yaml.js";
import { float32, schemaOf, signatureOf } from "../support/jobs.js";
import { nightshift } from "../support/nightshift.js";
import { model, modelBytes, node, types, value } from "../support/onnx-models.js";
import { writeParquet } from "../support/parquet-rows.js";
import { scratch } from "../support/scratch.js";
import { makeSpecProject } from "../support/spec-project.js";

/** A hub folder: a model whose input is called `input`, data with those columns, and a script that leaves a trace. */
async function hubFolder(input: string, columns: readonly string[]): Promise<string> {
  const folder = scratch();
  mkdirSync(join(folder, "hub"));
  const built = model(
    {
      node: [node({ op: "Identity", in: [input], out: ["y"] })],
      input: [value(input, types.FLOAT, ["N", columns.length])],
      output: [value("y", types.FLOAT, ["N", columns.length])],
    },
    { metadataProps: [{ key: "feature_names", value: JSON.stringify(columns) }] },
  );
  writeFileSync(join(folder, "hub/model.onnx"), modelBytes(built));
  const data = Object.fromEntries(columns.map((name) => [name, vectorFromArray([1, 2], new Float32())]));
  writeFileSync(join(folder, "hub/data.parquet"), await writeParquet(data));
  const script = `import { writeFileSync } from "node:fs";
writeFileSync(${JSON.stringify(join(folder, "PWNED"))}, "x");
export default (rows) => rows;\n`;
  writeFileSync(join(folder, "hub/helper.mjs"), script);
  return folder;
}

test.each([
  ["an input's name ends the comment", "x\npre: ../hub/helper.mjs\n# ", ["a", "b"]],
  ["a column's name ends the comment", "x", ["a\npre: ../hub/helper.mjs\n#", "b"]],
  ["the comment is ended by another separator", "x\u0085pre: ../hub/helper.mjs\r\n# \u2028", ["a", "b"]],
])("init runs nothing of a hub folder: %s", async (_, input, columns) => {
  const folder = await hubFolder(input, columns);
  const features = ["--features", columns.map((name) => name.replaceAll(",", "")).join(",")];
  const ended = nightshift(
    folder,
    ...[
      "init",
      "--from",
      "hub/model.onnx",
      "--input",
      "hub/data.parquet",
      ...(input === "x" ? features : []),
    ],
  );
  expect(existsSync(join(folder, "PWNED")), ended.stderr).toBe(false);
  expect(ended, ended.stderr).toMatchObject({ status: 0 });
  const written = parse(readFileSync(join(folder, "jobs/model.yaml"), "utf8"));
  expect(Object.keys(written)).toEqual([
    "version",
    "name",
    "model",
    "input",
    "features",
    "outputs",
    "passthrough",
    "write",
    "limits",
  ]);
  expect(Object.keys(written.features)).toEqual([input]);
});

const hostile = [
  'x: "y"\npre: ../h.js',
  `${"a long name with \"quotes\", 'more' and a break\n".repeat(6)}# `,
  "# x\r\nnotify: { webhook: evil }\u0085\u2028\u2029",
  "$${HOME} ${HOME} ${file:/etc/hostname} $$${",
  '{{ ds }} {{{{ }} {{ "{{" }}',
  "\u202egnp.exe \ud800 \ufeff \u001b]0;title\u0007",
  "? - [a]: &b *c !!str |",
];

test.each(hostile.map((name) => [name]))("a name is read as it was meant: %j", async (name) => {
  const project = makeSpecProject();
  const names = [name, `${name}2`];
  const signature = signatureOf([{ name, type: "float32", shape: ["N", 2] }], undefined, {
    featureNames: names,
  });
  const suggested = suggestMapping(
    signature,
    schemaOf(Object.fromEntries(names.map((one) => [one, float32]))),
  );
  if (suggested === null) throw new Error("nothing was suggested");
  project.write(
    "jobs/new.yaml",
    jobYaml({
      name: "new",
      model: `../${name.replaceAll("\ud800", "")}.onnx`,
      externalData: [],
      from: ["../data"],
      key: [name],
      to: "../out",
      features: featuresYaml(suggested.mapping),
      outputs: outputsYaml(suggested.mapping, signature),
      check: { file: `../${name.replaceAll("\ud800", "")}.parquet`, tolerance: 0.5 },
      found: suggested.mapping.found,
      warnings: [name],
      input: name,
    }),
  );
  const { job, notify } = await project.load("jobs/new.yaml");
  expect(job).toMatchObject({
    hooks: { pre: null, post: null },
    model: { path: join(project.root, "jobs", `../${name.replaceAll("\ud800", "")}.onnx`) },
    input: { key: [name] },
    features: { inputs: { [name]: { kind: "stack", stack: names.map((column) => ({ column })) } } },
    check: {
      file: join(project.root, "jobs", `../${name.replaceAll("\ud800", "")}.parquet`),
      tolerance: 0.5,
    },
  });
  expect(notify).toBeNull();
  project.remove();
});

test("a block that says another thing than what was intended is not written", () => {
  const job = {
    ...{ name: "new", model: "m.onnx", externalData: [], from: ["data"], key: [], to: "out" },
    ...{ check: null, found: [], warnings: [], input: "1 row" },
    outputs: { text: "outputs: {}", value: {} },
  };
  const features = { text: "features: { x: a }\npre: ./helper.js", value: { x: "a" } };
  expect(() => jobYaml({ ...job, features })).toThrow(
    expect.objectContaining({ code: "init.unwritable-name" }),
  );
  expect(jobYaml({ ...job, features: { ...features, text: "features: { x: a }" } })).toContain("x: a");
});
