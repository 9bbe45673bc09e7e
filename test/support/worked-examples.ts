/** Worked examples of docs/mapping.md: the rows above a block of YAML, the block, the rows below it. */
import {
  Field,
  Float32,
  Float64,
  Int32,
  Int64,
  List,
  TimestampMillisecond,
  Utf8,
  type Vector,
  vectorFromArray,
} from "apache-arrow";
import type { OnnxModel } from "../../src/runtimes/onnx/model-proto.js";
import { model, node, types, value } from "./onnx-models.js";

export interface WorkedExample {
  /** The heading that it stands under. */
  readonly title: string;
  /** `null`: the model's own rows. */
  readonly input: TextTable | null;
  readonly yaml: string;
  readonly output: TextTable;
}

export interface TextTable {
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

const sections = /^## (.+)$/gm;
const example = /(?:((?:^\|.*\n)+)\n)?```yaml\n([\s\S]*?)```\n\n((?:^\|.*\n?)+)/gm;

/** Every block of YAML with the table below it, and the one above it where there is one. */
export function workedExamples(markdown: string): readonly WorkedExample[] {
  return markdown.split(/^(?=## )/m).flatMap((section) =>
    [...section.matchAll(example)].map(([, above, yaml = "", below = ""]) => ({
      title: [...section.matchAll(sections)][0]?.[1] ?? "",
      input: above === undefined ? null : parseTable(above),
      yaml,
      output: parseTable(below),
    })),
  );
}

function parseTable(text: string): TextTable {
  const [header = [], , ...rows] = text
    .trim()
    .split("\n")
    .map((line) =>
      line
        .slice(1, line.lastIndexOf("|"))
        .split("|")
        .map((cell) => cell.trim()),
    );
  return { header, rows };
}

const columnTypes = {
  int32: new Int32(),
  int64: new Int64(),
  float32: new Float32(),
  float64: new Float64(),
  string: new Utf8(),
  timestamp: new TimestampMillisecond("UTC"),
  "list<float32>": new List(new Field("item", new Float32(), true)),
};

/** Columns of a table whose header cells are a name and a type. */
export function columnsOf({ header, rows }: TextTable): { readonly [name: string]: Vector } {
  return Object.fromEntries(
    header.map((cell, index) => {
      const [name = "", type = ""] = cell.split(" ");
      if (!(type in columnTypes)) throw new Error(`no column type ${type}`);
      const values = rows.map((row) => cellValue(row[index] ?? "null", type));
      return [name, vectorFromArray(values, columnTypes[type as keyof typeof columnTypes])];
    }),
  );
}

function cellValue(text: string, type: string): unknown {
  if (text === "null") return null;
  if (type === "string") return text;
  if (type === "int64") return BigInt(text);
  return type === "timestamp" ? new Date(text) : JSON.parse(text);
}

const tensorTypes: { readonly [name: string]: number } = {
  float32: types.FLOAT,
  int32: types.INT32,
  int64: types.INT64,
  string: types.STRING,
};

/** `# inputs: x float32 [N, 2]` as a model that gives every input back, as `<input>_seen`. */
export function echoingModel(yaml: string): OnnxModel {
  const line = /^# inputs: (.+)$/m.exec(yaml)?.[1] ?? "";
  const inputs = [...line.matchAll(/(\w+) (\w+) \[([^\]]*)\]/g)].map(
    ([, name = "", type = "", shape = ""]) => ({
      name,
      type: tensorTypes[type] ?? 0,
      shape: shape
        .split(", ")
        .map((size) => (/^\d+$/.test(size) ? Number(size) : size === "?" ? null : size)),
    }),
  );
  if (inputs.length === 0) throw new Error("the example names neither a model nor inputs");
  return model({
    node: inputs.map(({ name }) => node({ op: "Identity", in: [name], out: [`${name}_seen`] })),
    input: inputs.map(({ name, type, shape }) => value(name, type, shape)),
    output: inputs.map(({ name, type, shape }) => value(`${name}_seen`, type, shape)),
  });
}
