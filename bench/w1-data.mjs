// The data of the benchmarks: an int64 id and float32 features, W1's 28 unless told, drawn from normal(0, 1) from a fixed seed, uncompressed
// (random floats do not compress), by default in row groups of 131,072 rows. Needs no Python.
import { existsSync, mkdirSync, renameSync } from "node:fs";
import { dirname } from "node:path";
import { fileWriter, ParquetWriter } from "hyparquet-writer";

const schemaOf = (features) => [
  { name: "root", num_children: features + 1 },
  { name: "id", type: "INT64", repetition_type: "REQUIRED" },
  ...Array.from({ length: features }, (_, f) => ({
    name: `f${f}`,
    type: "FLOAT",
    repetition_type: "REQUIRED",
  })),
];

/** Writes `path` unless it is there already. */
export function makeW1Data(path, rows, { groupRows = 131_072, features = 28 } = {}) {
  if (existsSync(path)) return;
  mkdirSync(dirname(path), { recursive: true });
  const unfinished = `${path}.unfinished`;
  const writer = new ParquetWriter({
    writer: fileWriter(unfinished),
    schema: schemaOf(features),
    codec: "UNCOMPRESSED",
    statistics: false,
  });
  const normal = normals(20261120);
  for (let start = 0; start < rows; start += groupRows) {
    const count = Math.min(groupRows, rows - start);
    const id = BigInt64Array.from({ length: count }, (_, i) => BigInt(start + i));
    const columnData = [{ name: "id", data: id, encoding: "PLAIN" }];
    for (let f = 0; f < features; f++) {
      columnData.push({
        name: `f${f}`,
        data: Float32Array.from({ length: count }, normal),
        encoding: "PLAIN",
      });
    }
    writer.write({ columnData, rowGroupSize: groupRows });
  }
  writer.finish();
  renameSync(unfinished, path);
}

/** Box-Muller over mulberry32: the same numbers on every machine. */
function normals(seed) {
  let state = seed;
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  let spare = null;
  return () => {
    if (spare !== null) {
      const value = spare;
      spare = null;
      return value;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
    const angle = 2 * Math.PI * uniform();
    spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };
}
