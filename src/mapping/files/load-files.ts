/** Loads the files that a mapping reads: pinned by content when a run is planned, verified whenever they are read again. */
import { createHash } from "node:crypto";
import { copyDamaged } from "../../assets/refusals.js";
import { DataError, NightshiftError, SpecError } from "../../errors.js";
import type { Format } from "../../formats/format.js";
import type { Job } from "../../job/job.js";
import { type Asset, fileOf } from "../../job/plan.js";
import type { ReadHandle, Store } from "../../stores/store.js";
import type { IdFile } from "../mapping.js";
import { type Categories, type Ids, idKey, type MappingFiles } from "./mapping-files.js";
import { parseCategories } from "./parse-categories.js";
import { parseCsvIds, parseJsonIds } from "./parse-ids.js";
import { readParquetIds } from "./read-parquet-ids.js";
import { fileKind, readText } from "./read-text.js";
import { wantedFiles } from "./wanted-files.js";

export interface FileParts {
  readonly store: Store;
  readonly format: Format;
}

/** Every thread holds what these files hold, so they can't be of any size. */
const maxBytes = 256 * 1024 * 1024;

type Role = "categories" | "ids";

/** Gives the bytes of a file that plays a role. */
type ReadBytes = (path: string, role: Role) => Promise<Uint8Array>;

/** Reads the job's files as they are now. @throws SpecError `mapping.file`, `mapping.file-not-found` */
export async function pinFiles(
  job: Pick<Job, "features" | "outputs">,
  parts: FileParts,
): Promise<{ readonly files: MappingFiles; readonly assets: readonly Asset[] }> {
  const pinned = new Map<string, Asset>();
  const files = await readFiles(job, parts, async (path, role) => {
    const bytes = await readWhole(path, parts.store);
    pinned.set(`${role} ${path}`, { role, path, size: bytes.byteLength, sha256: sha256(bytes) });
    return bytes;
  });
  return { files, assets: [...pinned.values()] };
}

/** Reads the files that a run was planned with. @throws DataError `mapping.file-changed` where one is another now */
export async function loadFiles(
  job: Pick<Job, "features" | "outputs">,
  assets: readonly Asset[],
  parts: FileParts,
): Promise<MappingFiles> {
  return readFiles(job, parts, async (path, role) => {
    const asset = assets.find((candidate) => candidate.role === role && candidate.path === path);
    if (asset === undefined) throw changed(path, role);
    const file = fileOf(asset);
    const wrong = (how: string) => (asset.at === undefined ? changed(path, role) : copyDamaged(asset, how));
    if ((await parts.store.stat(file))?.size !== asset.size) throw wrong("it is gone, or has another size");
    const bytes = await readWhole(file, parts.store);
    const found = sha256(bytes);
    if (found !== asset.sha256) throw wrong(`its SHA-256 is ${found}`);
    return bytes;
  });
}

async function readFiles(
  job: Pick<Job, "features" | "outputs">,
  { format }: FileParts,
  read: ReadBytes,
): Promise<MappingFiles> {
  const wanted = wantedFiles(job);
  const categories = new Map<string, Categories>();
  const ids = new Map<string, Ids>();
  for (const path of wanted.categories)
    categories.set(path, await understood(path, async () => parseMap(path, await read(path, "categories"))));
  for (const file of wanted.ids)
    ids.set(
      idKey(file),
      await understood(file.file, async () => parseIds(file, await read(file.file, "ids"), format)),
    );
  return { categories, ids };
}

function parseMap(path: string, bytes: Uint8Array): Categories {
  const kind = fileKind(path);
  if (kind === "parquet") throw new RangeError("a map is a .json or a .csv file");
  return parseCategories(readText(bytes), kind);
}

async function parseIds({ file, column }: IdFile, bytes: Uint8Array, format: Format): Promise<Ids> {
  const kind = fileKind(file);
  if (kind === "parquet") return readParquetIds(handleOf(file, bytes), column, format, maxBytes);
  if (kind === "csv") return parseCsvIds(readText(bytes), column);
  if (column !== null) throw new RangeError("a JSON array has no columns: leave `column` out");
  return parseJsonIds(readText(bytes));
}

/** Decodes exactly the bytes that were hashed, even if the file changes meanwhile. */
function handleOf(path: string, bytes: Uint8Array): ReadHandle {
  const readSync = (start: number, end: number) => bytes.subarray(start, end);
  return {
    path,
    size: bytes.byteLength,
    readSync,
    read: async (start, end) => readSync(start, end),
    bytesRead: 0,
    close: async () => {},
  };
}

async function readWhole(path: string, store: Store): Promise<Uint8Array> {
  const found = await store.stat(path);
  if (found === null)
    throw new SpecError("mapping.file-not-found", `there is no file ${path}`, {
      hint: "check the path: it is relative to the spec",
      details: { file: path },
    });
  if (found.size > maxBytes)
    throw new RangeError(`it has ${found.size} bytes, and ${maxBytes} are the most that are read`);
  const handle = await store.open(path);
  try {
    return await handle.read(0, handle.size);
  } finally {
    await handle.close();
  }
}

/** Adds the file's name to errors about its content. */
async function understood<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    if (cause instanceof NightshiftError || !(cause instanceof RangeError || cause instanceof SyntaxError))
      throw cause;
    const reason = cause instanceof SyntaxError ? "it is not JSON" : cause.message;
    throw new SpecError("mapping.file", `${path} can't be used by the mapping: ${reason}`, {
      hint: "`map` takes a JSON object or array, or a CSV of values and numbers; `ids` a JSON array, or a column of a CSV or Parquet file",
      details: { file: path },
      cause,
    });
  }
}

function changed(path: string, role: Role): DataError {
  return new DataError("mapping.file-changed", `${path} changed after the run was planned`, {
    hint: "Put the planned file back, or start a new run with --restart, which plans with the file as it is now.",
    details: { file: path, role },
  });
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
