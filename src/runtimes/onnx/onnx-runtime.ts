/** Runs ONNX models on ONNX Runtime: implements the contract of model runtimes. */
import { realpath } from "node:fs/promises";
import type { Signature } from "../../data/tensor.js";
import { BugError, ModelError } from "../../errors.js";
import type { Asset } from "../../job/plan.js";
import type { Profile } from "../../job/profile.js";
import type { ModelRuntime, Predictor, ProviderTrial } from "../model.js";
import { sideBySide, type Turns, takeTurns, turnsMemory } from "./device-turns.js";
import { loadEngine, onnxEngine, requireEngine } from "./engine.js";
import { type EngineFault, engineFault } from "./engine-faults.js";
import { externalLocations, pinExternalData } from "./external-data.js";
import { withFetchableOutputs } from "./fetchable-outputs.js";
import { takeLabelsFromScores } from "./label-from-scores.js";
import { decodeModel, encodeModel, readingModel } from "./model-proto.js";
import { readPinned, readWithDigest } from "./pinned-file.js";
import { onnxPredictor } from "./predictor.js";
import { chooseProvider, requireProvider } from "./providers.js";
import { createSession, type ExternalFile, isPartlyOnCpu, type SessionOptions } from "./session.js";
import { shapesFollowValues } from "./shapes-from-values.js";
import { readSignature } from "./signature.js";
import { type TreeModel, treeModelOf } from "./trees/tree-model.js";
import { treeEngine, treePredictor } from "./trees/tree-predictor.js";
import { tryProvider } from "./try-provider.js";
import { removeZipMaps } from "./zipmap.js";

/** The largest message that protobuf, and so the engine, can read. */
const maxModelBytes = 2 ** 31 - 1;

export interface OnnxRuntimeOptions {
  /**
   * Shared memory by which this process's threads take turns at a device; see {@link takeTurns}. By default a
   * new one.
   */
  readonly device?: SharedArrayBuffer;
}

export function onnxRuntime({ device = turnsMemory() }: OnnxRuntimeOptions = {}): ModelRuntime {
  const shared = takeTurns(device);
  const turnsAt = (provider: string): Turns => (provider === "webgpu" ? shared : sideBySide);
  const trials = new Map<string, Promise<ProviderTrial>>();

  /**
   * Checked once a thread, since a machine's devices do not change while a process runs. The CPU always
   * works.
   */
  function tried(provider: string): Promise<ProviderTrial> {
    if (provider === "cpu") return Promise.resolve({ provider, works: true });
    const trial =
      trials.get(provider) ?? loadEngine().then((engine) => tryProvider(engine, provider, turnsAt(provider)));
    trials.set(provider, trial);
    return trial;
  }

  async function load(
    assets: readonly Asset[],
    profile: Profile,
    options: SessionOptions = {},
  ): Promise<Predictor> {
    requireEngine(profile, [treeEngine, onnxEngine]);
    await requireProvider(profile, tried);
    const asset = modelAsset(assets);
    const { path } = asset;
    const model = openModel(await readPinned(asset), path);
    if (profile.engine === treeEngine.name)
      return treePredictor(requireTrees(model, path), model.signature, path);
    if (model.fault !== null) throw engineDiffers(path, model.fault);
    const external = externalFiles(path, model.locations, assets);
    const engine = await loadEngine();
    const turns = turnsAt(profile.provider);
    const session = await turns(() =>
      createSession(engine, { path, bytes: model.bytes(), external }, profile, options),
    );
    return onnxPredictor(engine, session, model.signature, { path, showShapes: model.showShapes() }, turns);
  }

  return {
    tryProvider: tried,
    chooseProvider: (wanted) => chooseProvider(wanted, tried),

    /** Does not load the engine, so a model is inspected in milliseconds. */
    async inspect(path, externalData) {
      const { bytes, size, sha256 } = await readWithDigest(path, (size) => requireReadable(path, size));
      const model = openModel(bytes, path);
      const external = await pinExternalData(path, model.locations, externalData);
      const asset: Asset = { role: "model", path: await realpath(path), size, sha256 };
      const { fault } = model;
      const general = fault === null ? [onnxEngine] : [];
      return {
        signature: model.signature,
        engines: model.trees() === null ? general : [treeEngine, ...general],
        refusals: fault === null ? [] : [{ engine: onnxEngine.name, ...fault }],
        assets: [asset, ...external],
      };
    },

    async tryLoad(assets, profile) {
      const elsewhere = profile.provider !== "cpu";
      const tryWith = async (options: SessionOptions) => (await load(assets, profile, options)).close();
      try {
        await tryWith({ nothingOnCpu: elsewhere });
        return { partlyOnCpu: false };
      } catch (error) {
        if (!elsewhere || !isPartlyOnCpu(error)) throw error;
        await tryWith({});
        return { partlyOnCpu: true };
      }
    },

    load: (assets, profile) => load(assets, profile),
  };
}

/** A model as it will run, after clean-up, with its properties. */
interface OpenModel {
  readonly signature: Signature;
  /** Bytes for ONNX Runtime; the file's own bytes if no clean-up was needed. Call it once, at the end. */
  readonly bytes: () => Uint8Array;
  /** An operator that ONNX Runtime computes wrongly; `null` if none is known. */
  readonly fault: EngineFault | null;
  readonly locations: readonly string[];
  readonly showShapes: () => boolean;
  /** The model as trees; `null` if it contains anything else. */
  readonly trees: () => TreeModel | null;
}

function openModel(bytes: Uint8Array, path: string): OpenModel {
  return readingModel(path, () => {
    const model = decodeModel(bytes, path);
    const locations = externalLocations(model, path);
    const zipped = removeZipMaps(model);
    const signature = readSignature(model, zipped, path);
    return {
      signature,
      locations,
      bytes: () =>
        readingModel(path, () => {
          const isChanged = takeLabelsFromScores(model) || zipped.size > 0;
          return withFetchableOutputs(model) ?? (isChanged ? encodeModel(model) : bytes);
        }),
      fault: engineFault(model.graph),
      showShapes: () => !shapesFollowValues(model.graph),
      trees: () => readingModel(path, () => treeModelOf(model)),
    };
  });
}

/** @throws ModelError `model.engine-differs`: a wrong number that looks right is worse than none */
function engineDiffers(path: string, { reason, hint }: EngineFault): ModelError {
  return new ModelError("model.engine-differs", `${path} is not scored: ${reason}`, {
    hint,
    details: { model: path, engine: onnxEngine.name },
  });
}

function requireTrees(model: OpenModel, path: string): TreeModel {
  const trees = model.trees();
  if (trees === null) throw new BugError("bug", `${path} was planned as trees, and holds something else`);
  return trees;
}

function requireReadable(path: string, bytes: number): void {
  if (bytes <= maxModelBytes) return;
  throw new ModelError("model.load-failed", `${path} has ${bytes} bytes, and ONNX files end at 2 GiB`, {
    hint: "Save the model with external data (`onnx.save(..., save_as_external_data=True)`) and list those files.",
    details: { model: path, bytes },
  });
}

function modelAsset(assets: readonly Asset[]): Asset {
  const asset = assets.find(({ role }) => role === "model");
  if (asset === undefined) throw new BugError("bug", "the plan pins no model");
  return asset;
}

/**
 * Assets are in the order of the locations, which the model's pinned bytes determine; their paths may differ.
 */
function externalFiles(
  path: string,
  locations: readonly string[],
  assets: readonly Asset[],
): readonly ExternalFile[] {
  const pinned = assets.filter(({ role }) => role === "external-data");
  return locations.map((location, i) => {
    const asset = pinned[i];
    if (asset === undefined)
      throw new ModelError(
        "model.external-data-unlisted",
        `${path} keeps tensors in another file, "${location}", that the plan does not pin`,
        { hint: "Plan the run again.", details: { model: path, location } },
      );
    return { location, asset };
  });
}
