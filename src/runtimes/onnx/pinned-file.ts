/** Pins a model's files by content: the engine receives exactly the bytes that were hashed. */
import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { copyDamaged } from "../../assets/refusals.js";
import { InfraError, ModelError, NightshiftError, SpecError } from "../../errors.js";
import { type Asset, fileOf } from "../../job/plan.js";

export interface FileDigest {
  readonly size: number;
  readonly sha256: string;
}

const blockBytes = 16 * 1024 * 1024;

/** Throws for an unacceptable size, before anything is read. */
type Admit = (size: number) => void;

/** Reads a whole file and pins it in the same pass. */
export async function readWithDigest(
  path: string,
  admit: Admit = () => {},
): Promise<FileDigest & { readonly bytes: Uint8Array }> {
  return withFile(path, admit, async (file, size) => {
    const bytes = new Uint8Array(size);
    const sha256 = await digest(file, size, (start, end) => bytes.subarray(start, end));
    return { size, sha256, bytes };
  });
}

/** Pins a file without keeping its bytes. */
export async function digestFile(path: string, admit: Admit = () => {}): Promise<FileDigest> {
  return withFile(path, admit, async (file, size) => {
    const block = new Uint8Array(Math.min(size, blockBytes));
    return { size, sha256: await digest(file, size, (start, end) => block.subarray(0, end - start)) };
  });
}

/** Returns the bytes of an asset. @throws ModelError `model.changed` if they are not the planned ones */
export async function readPinned(asset: Asset): Promise<Uint8Array> {
  const { bytes } = await pinned(asset, readWithDigest);
  return bytes;
}

/** Like {@link readPinned}, for files that are too large to hold in memory. */
export async function verifyPinned(asset: Asset): Promise<void> {
  await pinned(asset, digestFile);
}

async function pinned<T extends FileDigest>(
  asset: Asset,
  read: (path: string, admit: Admit) => Promise<T>,
): Promise<T> {
  const found = await read(fileOf(asset), (size) => {
    if (size !== asset.size) throw changed(asset, `it had ${asset.size} bytes and now has ${size}`);
  }).catch((error) => {
    throw error instanceof SpecError ? changed(asset, "it is gone", error) : error;
  });
  if (found.sha256 !== asset.sha256)
    throw changed(asset, `its contents are not the same, their SHA-256 is ${found.sha256}`);
  return found;
}

function changed(asset: Asset, how: string, cause?: unknown): NightshiftError {
  if (asset.at !== undefined) return copyDamaged(asset, how, cause);
  return new ModelError("model.changed", `${asset.path} changed after the run was planned: ${how}`, {
    hint: "Put the planned file back, or start a new run with --restart, which plans with the file as it is now.",
    details: { file: asset.path, role: asset.role, sha256: asset.sha256 },
    cause,
  });
}

async function withFile<T>(
  path: string,
  admit: Admit,
  use: (file: FileHandle, size: number) => Promise<T>,
): Promise<T> {
  let file: FileHandle | undefined;
  try {
    // Without O_NONBLOCK, opening a named pipe would wait for a writer.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = await file.stat();
    if (!stat.isFile())
      throw new SpecError("model.not-a-file", `${path} is not a file`, {
        hint: "Give the .onnx file. A directory of TensorFlow (SavedModel) is converted with tf2onnx: docs/export.md.",
        details: { path },
      });
    admit(stat.size);
    return await use(file, stat.size);
  } catch (cause) {
    throw fileError(path, cause);
  } finally {
    await file?.close();
  }
}

/**
 * @param room buffer for the bytes of a range. If a file shrinks meanwhile, the digest covers fewer bytes.
 */
async function digest(
  file: FileHandle,
  size: number,
  room: (start: number, end: number) => Uint8Array,
): Promise<string> {
  const hash = createHash("sha256");
  for (let start = 0; start < size; ) {
    const block = room(start, Math.min(start + blockBytes, size));
    const { bytesRead } = await file.read(block, 0, block.length, start);
    if (bytesRead === 0) break;
    hash.update(block.subarray(0, bytesRead));
    start += bytesRead;
  }
  return hash.digest("hex");
}

function fileError(path: string, cause: unknown): unknown {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  const details = { path };
  if (cause instanceof NightshiftError || typeof code !== "string") return cause;
  if (code === "ENOENT" || code === "ENOTDIR")
    return new SpecError("model.not-found", `there is no file ${path}`, {
      hint: "Check the path; in a spec it is relative to the spec, on the command line to the current directory.",
      details,
      cause,
    });
  if (code === "EACCES" || code === "EPERM")
    return new InfraError("infra.permission", `no permission to read ${path}`, {
      hint: "Give the user that runs Nightshift permission to read it.",
      details,
      cause,
    });
  return new InfraError("infra.io", `${path} could not be read (${code})`, { details, cause });
}
