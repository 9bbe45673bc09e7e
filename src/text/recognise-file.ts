// biome-ignore-all lint/suspicious/noControlCharactersInRegex: magic bytes of binary formats
/**
 * Recognises common files that are neither ONNX nor Parquet by their first bytes. Users give such files by
 * mistake; the error should name the format and how to convert it.
 */

import { shellLine } from "./shell-line.js";

export interface RecognisedFile {
  /** With an article: "a Python pickle". */
  readonly what: string;
  /** How to use the file as a model; `null` if it holds no model. */
  readonly asModel: string | null;
  /** How to use the file as data; `null` if it holds no rows. */
  readonly asData: string | null;
}

/** Number of bytes from the start of a file that `recogniseFile` needs. */
export const recognisedBytes = 512;

const exporting = "see docs/export.md";

const signatures: readonly (readonly [magic: RegExp, file: RecognisedFile])[] = [
  [
    /^\x80[\x02-\x05]/,
    model("a Python pickle", `load it in Python and export the model with skl2onnx: ${exporting}`),
  ],
  [/^tree\nversion=/, model("a LightGBM text model", `convert it with onnxmltools: ${exporting}`)],
  [
    /^\{"learner":|^\{L\x00{0,7}.{0,8}learner/s,
    model("an XGBoost model", `convert it with onnxmltools: ${exporting}`),
  ],
  [/^binf/, model("an XGBoost model", `convert it with onnxmltools: ${exporting}`)],
  [/^CBM1/, model("a CatBoost model", `save it with format="onnx": ${exporting}`)],
  [
    /^\x89HDF\r\n/,
    model("an HDF5 file, as old Keras versions write", `export the model with tf2onnx: ${exporting}`),
  ],
  [/^.{4}TFL3/s, model("a TensorFlow Lite model", `convert it with tf2onnx: ${exporting}`)],
  [/^.{4}ORTM/s, model("a model in ONNX Runtime's own format", "use the .onnx file that it was made from")],
  [/^GGUF/, model("a GGUF file", `export the model to ONNX: ${exporting}`)],
  [
    /^.{5}\x00{3}\{"/s,
    model("a safetensors file, weights without a graph", `export the model from PyTorch: ${exporting}`),
  ],
  [/^PAR1/, data("a Parquet file", "it may be damaged: write it again")],
  [/^ARROW1/, data("an Arrow IPC file", "write it as Parquet: pyarrow.parquet.write_table")],
  [/^ORC/, data("an ORC file", "write it as Parquet, with pyarrow or Spark")],
  [/^Obj\x01/, data("an Avro file", "write it as Parquet, with Spark or DuckDB")],
  [/^SQLite format 3\0/, data("an SQLite database", "write the table as Parquet, with DuckDB")],
  [/^\x1f\x8b/, data("a gzip archive", "write the data as Parquet, which is compressed inside")],
  [/^\x28\xb5\x2f\xfd/, data("a zstd archive", "write the data as Parquet, which is compressed inside")],
  [
    /^version https:\/\/git-lfs\.github\.com/,
    {
      what: "a Git LFS pointer",
      asModel: "fetch the file itself: git lfs pull",
      asData: "fetch the file itself: git lfs pull",
    },
  ],
  [
    /^\s*<\?xml|^\s*<PMML/,
    model("an XML file", `PMML cannot be read: export the model to ONNX (docs/export.md)`),
  ],
  [
    /^\s*<(!doctype )?html/i,
    { what: "an HTML page", asModel: "download the file itself", asData: "download the file itself" },
  ],
];

/**
 * Recognises a file.
 *
 * @param head the file's first `recognisedBytes` bytes, or the whole file if it is shorter
 * @param name its name or path; the extension decides between formats with the same first bytes
 * @returns `null` if the format is unknown
 */
export function recogniseFile(head: Uint8Array, name: string): RecognisedFile | null {
  const bytes = Buffer.from(head.subarray(0, recognisedBytes));
  const text = bytes.toString("latin1");
  const ending = /\.([a-z0-9]+)$/i.exec(name)?.[1]?.toLowerCase() ?? "";
  if (text.startsWith("PK\x03\x04")) return inZip(ending, text);
  const known = signatures.find(([magic]) => magic.test(text));
  if (known !== undefined) return known[1];
  if (/^(joblib|pkl|pickle)$/.test(ending))
    return model("a file of joblib", `load it in Python and export the model with skl2onnx: ${exporting}`);
  return ofText(bytes, ending, name);
}

/** PyTorch, Keras 3 and Excel all write ZIP archives. */
function inZip(ending: string, text: string): RecognisedFile {
  if (/^xlsx?$/.test(ending) || text.includes("[Content_Types].xml"))
    return data("an Excel workbook", "write the sheet as Parquet: pandas.read_excel(…).to_parquet(…)");
  if (ending === "keras" || text.includes("metadata.json"))
    return model("a Keras model", `export it with tf2onnx or model.export(…, format="onnx"): ${exporting}`);
  if (/^(pt|pth|bin|ckpt|tar)$/.test(ending) || text.includes("data.pkl"))
    return model("a PyTorch file", `export the model with torch.onnx.export: ${exporting}`);
  if (ending === "npz") return data("a NumPy archive", "write the arrays as Parquet, with pyarrow");
  return data("a ZIP archive", "unpack it first");
}

function ofText(bytes: Buffer, ending: string, name: string): RecognisedFile | null {
  // `stream` drops a character that is cut off at the end of the head.
  const text = new TextDecoder("utf-8").decode(bytes, { stream: true });
  if (text.trim() === "" || /[\u0000-\u0008\u000e-\u001f\ufffd]/.test(text)) return null;
  const first = text.trimStart();
  if (first.startsWith("{") || first.startsWith("["))
    return data("JSON text", `write it as Parquet: ${conversion("read_json", name)}`);
  const [line = ""] = first.split(/\r?\n/, 1);
  if (/^(csv|tsv)$/.test(ending) || /[,;\t]/.test(line))
    return data("CSV text", `write it as Parquet: ${conversion("read_csv", name)}`);
  return { what: "a text file", asModel: null, asData: null };
}

/**
 * Returns a command that writes the file as Parquet beside it. It is in backticks so that it is not wrapped
 * at the end of a line.
 */
function conversion(reader: "read_json" | "read_csv", name: string): string {
  const sql = (path: string): string => `'${path.replaceAll("'", "''")}'`;
  const to = name.replace(/(?<=[^/])\.[a-z0-9]+$/i, "");
  const statement = `copy (from ${reader}(${sql(name)})) to ${sql(`${to}.parquet`)}`;
  // These characters are not special between a shell's double quotes, which are easier to read around SQL.
  const word = /^[\w\s./:=@%+,()'-]+$/.test(statement) ? `"${statement}"` : shellLine(statement);
  return `\`duckdb -c ${word}\``;
}

function model(what: string, how: string): RecognisedFile {
  return { what, asModel: how, asData: null };
}

function data(what: string, how: string): RecognisedFile {
  return { what, asModel: null, asData: how };
}

/** Returns a hint for a file that the user gave as a model. */
export function hintForModel({ what, asModel, asData }: RecognisedFile): string {
  if (asModel !== null) return sentence(asModel);
  return asData === null
    ? "Give the .onnx file of the model."
    : `It holds data (${what}), not a model: give the .onnx file first, then the data.`;
}

/** Returns a hint for a file that the user gave as data. */
export function hintForData({ asModel, asData }: RecognisedFile): string {
  if (asData !== null) return sentence(asData);
  return asModel === null
    ? "Give Parquet files."
    : `It holds a model, and no rows. To score with it, ${asModel}.`;
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

/**
 * Extensions of formats that users expect to be supported as output and that Nightshift does not write yet.
 */
const unwritten =
  /\.(csv|tsv|txt|json|jsonl|ndjson|arrow|feather|ipc|orc|avro|xlsx?|pkl|pickle|db|sqlite)(\.(gz|zst|bz2|zip))?$|\.parquet\.\w+$/i;

/**
 * Names the unsupported format that an output's extension asks for.
 *
 * @returns the extension, such as ".csv"; `null` for a Parquet file or a directory. A directory may end in a
 * slash.
 */
export function unwrittenEnding(path: string): string | null {
  return unwritten.exec(path)?.[0] ?? null;
}
