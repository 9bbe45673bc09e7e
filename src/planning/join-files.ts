/** Joins staged files into the one file that `-o predictions.parquet` asks for, without decoding a row. */
import { createHash } from "node:crypto";
import { BugError } from "../errors.js";
import type { Format } from "../formats/format.js";
import type { JoinedFile } from "../host/host.js";
import type { FileSystem } from "../stores/file-system.js";
import type { ReadHandle, Store } from "../stores/store.js";

export interface JoinParts {
  readonly store: Store;
  readonly format: Format;
  readonly fileSystem: FileSystem;
}

/** Writes and syncs `to`, then reads its footer back and compares the rows. */
export async function joinFiles(
  paths: readonly string[],
  to: string,
  { store, format, fileSystem }: JoinParts,
): Promise<JoinedFile> {
  const handles: ReadHandle[] = [];
  const out = await fileSystem.create(to);
  const digest = createHash("sha256");
  let bytes = 0;
  try {
    for (const path of paths) handles.push(await store.open(path));
    const joined = await format.join(handles, async (chunk) => {
      digest.update(chunk);
      bytes += chunk.byteLength;
      await out.append(chunk);
    });
    await out.sync();
    const rows = await rowsOf(to, store, format);
    if (rows !== joined)
      throw new BugError("bug.join", `${to} holds ${rows} rows, not the ${joined} that were joined.`);
    return { rows, bytes, sha256: digest.digest("hex") };
  } finally {
    await out.close();
    for (const handle of handles) await handle.close();
  }
}

async function rowsOf(path: string, store: Store, format: Format): Promise<number> {
  const handle = await store.open(path);
  try {
    return (await format.inspect(handle)).rows;
  } finally {
    await handle.close();
  }
}
