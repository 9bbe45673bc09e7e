import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { hintForData, hintForModel, recogniseFile, unwrittenEnding } from "../../src/text/recognise-file.js";

const hex = (text: string): Uint8Array => Buffer.from(text, "hex");
const bytes = (text: string): Uint8Array => Buffer.from(text, "latin1");

/** The first bytes of files that the named programs wrote. */
const heads: readonly (readonly [
  name: string,
  head: Uint8Array,
  what: RegExp,
  holds: "model" | "data" | "both",
])[] = [
  ["churn.pkl", hex("80049503020000000000008c1e736b6c6561726e2e6c696e"), /pickle/, "model"],
  ["compressed.joblib", hex("785e8d93cf6b143114c777baddceba5469f5646dab28424b"), /joblib/, "model"],
  ["model.txt", hex("747265650a76657273696f6e3d76340a6e756d5f636c6173"), /LightGBM/, "model"],
  ["model.json", hex("7b226c6561726e6572223a7b226174747269627574657322"), /XGBoost/, "model"],
  ["model.ubj", hex("7b4c00000000000000076c6561726e65727b4c0000000000"), /XGBoost/, "model"],
  ["model.cbm", hex("43424d3188260000140000000000000000000a0010000400"), /CatBoost/, "model"],
  ["model.h5", bytes("\x89HDF\r\n\x1a\n\0\0\0\0"), /HDF5/, "model"],
  ["model.keras", bytes("PK\x03\x04\x14\0\0\0\0\0metadata.json{"), /Keras/, "model"],
  ["model.pt", bytes("PK\x03\x04\0\0\x08\x08\0\0archive/data.pkl"), /PyTorch/, "model"],
  ["model.tflite", bytes("\x1c\0\0\0TFL3\x14\0 \0"), /TensorFlow Lite/, "model"],
  ["model.safetensors", bytes('\x50\x00\x00\0\0\0\0\0{"weight":{"dtype":"F32"'), /safetensors/, "model"],
  ["d.arrow", hex("4152524f57310000ffffffff880300001000000000000a00"), /Arrow/, "data"],
  ["d.csv", hex("612c622c630a302e35393938323230342c302e3834393731"), /CSV/, "data"],
  ["d.ndjson", hex("7b2261223a302e353939383232303434342c2262223a302e"), /JSON/, "data"],
  ["d.xlsx", bytes("PK\x03\x04\x14\0\x06\0\x08\0[Content_Types].xml"), /Excel/, "data"],
  ["d.csv.gz", hex("1f8b0808"), /gzip/, "data"],
  ["d.parquet", bytes("PAR1\x15\x04"), /Parquet/, "data"],
  ["model.onnx", bytes("version https://git-lfs.github.com/spec/v1\noid sha256:"), /Git LFS/, "both"],
];

describe("a file that is neither ONNX nor Parquet", () => {
  it.each(heads)("%s is recognised, and the hint fits what it was given as", (name, head, what, holds) => {
    const recognised = recogniseFile(head, name);
    if (recognised === null) throw new Error("it is not recognised");
    expect(recognised.what).toMatch(what);
    expect(recognised.asModel !== null).toBe(holds !== "data");
    expect(recognised.asData !== null).toBe(holds !== "model");
    for (const hint of [hintForModel(recognised), hintForData(recognised)]) {
      expect(hint).toMatch(/^[A-Z].*\.$/);
      expect(hint).not.toContain("null");
    }
  });

  it("a table with tabs or semicolons is CSV under any name; prose is text", () => {
    expect(recogniseFile(bytes("a;b\n1;2\n"), "export.dat")?.asData).not.toBeNull();
    expect(recogniseFile(bytes("a\tb\n1\t2\n"), "export")?.asData).not.toBeNull();
    expect(recogniseFile(bytes("to do\n"), "notes.txt")).toMatchObject({ asModel: null, asData: null });
  });

  it("the hint for a text is a command with the names that were given, quoted for SQL and for a shell", () => {
    const hint = (name: string) => recogniseFile(bytes("a,b\n1,2\n"), name)?.asData ?? "";
    expect(hint("data/people.csv")).toContain(
      "`duckdb -c \"copy (from read_csv('data/people.csv')) to 'data/people.parquet'\"`",
    );
    expect(hint("rows")).toContain("(from read_csv('rows')) to 'rows.parquet'");
    const odd = hint("it's $(x).csv").match(/`duckdb -c (.*)`/)?.[1] ?? "";
    const { stdout } = spawnSync("sh", ["-c", `printf %s ${odd}`], { encoding: "utf8" });
    expect(stdout).toBe("copy (from read_csv('it''s $(x).csv')) to 'it''s $(x).parquet'");
  });

  it("a text that is cut in the middle of a character is still text", () => {
    const text = Buffer.from(`a,b\n${"é".repeat(400)}`);
    for (const length of [9, 10, 11, 12])
      expect(recogniseFile(text.subarray(0, length), "d.csv")?.what).toBe("CSV text");
  });

  it("a part of an ONNX file, zeros and nothing are not recognised", () => {
    for (const head of [hex("080712077079746f7263681a05322e312e30"), new Uint8Array(64), new Uint8Array(0)])
      expect(recogniseFile(head, "model.onnx")).toBeNull();
  });
});

describe("the ending of an output", () => {
  it.each(["preds.csv", "out/x.CSV.gz", "x.ndjson", "x.jsonl.zst", "x.arrow", "x.parquet.gz", "x.xlsx"])(
    "%s asks for a format that is not written",
    (path) => expect(unwrittenEnding(path)).not.toBeNull(),
  );

  it.each(["preds.parquet", "out", "out/", "preds.csv/", "v1.2", "out.d"])("%s is fine", (path) =>
    expect(unwrittenEnding(path)).toBeNull(),
  );
});
