/** Creates sessions from a model's verified bytes only. */
import { constants } from "node:buffer";
import { normalize, sep } from "node:path";
import type { InferenceSession } from "onnxruntime-node";
import { ModelError } from "../../errors.js";
import { type Asset, fileOf } from "../../job/plan.js";
import type { Profile } from "../../job/profile.js";
import { type Engine, quiet } from "./engine.js";
import { loadFailed } from "./engine-errors.js";
import { readPinned, verifyPinned } from "./pinned-file.js";

/** One external file: the name that the model's tensors use for it, and the pinned file behind it. */
export interface ExternalFile {
  readonly location: string;
  readonly asset: Asset;
}

export interface SessionModel {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly external: readonly ExternalFile[];
}

export interface SessionOptions {
  /**
   * Fail (see {@link isPartlyOnCpu}) instead of running operators without an implementation for the provider.
   */
  readonly nothingOnCpu?: boolean;
  /**
   * Larger external files are not read into memory (a buffer of Node 20 is limited to 4 GiB): the engine then
   * maps the files itself, and they are verified before and after.
   */
  readonly maxHeldBytes?: number;
}

/**
 * Session options for an engine that would otherwise run operators without an implementation for the provider
 * on the CPU.
 */
export const noCpuFallback = { disable_cpu_ep_fallback: "1" } as const;

/**
 * @throws ModelError `model.load-failed`, `model.changed`
 */
export async function createSession(
  engine: Engine,
  model: SessionModel,
  profile: Profile,
  { nothingOnCpu = false, maxHeldBytes = constants.MAX_LENGTH }: SessionOptions = {},
): Promise<InferenceSession> {
  const options = sessionOptions(profile);
  const entries = nothingOnCpu ? noCpuFallback : {};
  const files = model.external.map(({ asset }) => asset);
  if (files.every(({ size }) => size <= maxHeldBytes))
    return create(engine, model, {
      ...options,
      externalData: await heldExternalData(model.external),
      extra: { session: entries },
    });
  const folder = commonFolder(model);
  for (const file of files) await verifyPinned(file);
  const session = await create(engine, model, {
    ...options,
    extra: { session: { ...entries, model_external_initializers_file_folder_path: folder } },
  });
  for (const file of files) await verifyPinned(file);
  return session;
}

/** Whether a session was refused because an operator would have run on the CPU. */
export function isPartlyOnCpu(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : null;
  return cause instanceof Error && /fallback to CPU EP has been explicitly disabled/.test(cause.message);
}

async function create(
  engine: Engine,
  { path, bytes }: SessionModel,
  options: InferenceSession.SessionOptions,
): Promise<InferenceSession> {
  try {
    return await engine.InferenceSession.create(bytes, options);
  } catch (cause) {
    throw loadFailed(path, cause);
  }
}

function sessionOptions(profile: Profile): InferenceSession.SessionOptions {
  return {
    executionProviders: [profile.provider],
    intraOpNumThreads: profile.intraOpThreads,
    interOpNumThreads: 1,
    executionMode: "sequential",
    graphOptimizationLevel: "all",
    logSeverityLevel: quiet,
  };
}

/**
 * The engine copies the data that it needs while the session is created, and refuses locations that are not
 * among these.
 */
async function heldExternalData(
  external: readonly ExternalFile[],
): Promise<{ readonly path: string; readonly data: Uint8Array }[]> {
  return Promise.all(
    external.map(async ({ location, asset }) => ({ path: location, data: await readPinned(asset) })),
  );
}

/**
 * Returns the single folder that all locations are relative to; the engine supports no other layout on disk.
 */
function commonFolder({ path, external }: SessionModel): string {
  const folders = external.map(({ location, asset }) => {
    const tail = sep + normalize(location);
    const file = fileOf(asset);
    return file.endsWith(tail) ? file.slice(0, -tail.length) : null;
  });
  const [folder = null] = folders;
  if (folder !== null && folders.every((other) => other === folder)) return folder;
  throw new ModelError(
    "model.load-failed",
    `${path} can't be loaded: external data this large is only read from plain files, and some are links or lie elsewhere`,
    {
      hint: "Put the files themselves where the model names them, relative to one folder.",
      details: { model: path, files: external.map(({ asset }) => fileOf(asset)) },
    },
  );
}
