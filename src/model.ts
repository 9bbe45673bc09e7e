/** Model runtimes: load a pinned model, predict batches. One folder in `runtimes/` each. */
import type { Asset } from "./plan.js";
import type { EngineName, Profile } from "./profile.js";
import type { Signature, Tensors } from "./tensor.js";

/** What runs a model. Another version may give other numbers. */
export interface Engine {
  readonly name: EngineName;
  readonly version: string;
}

export interface ModelRuntime {
  /** Reads a model without making a session: signature after clean-up (ZipMap removed), and every file it is made of. */
  inspect(path: string, externalData: readonly string[]): Promise<InspectedModel>;
  /** The first provider of the list that this machine really has. @throws ModelError `model.provider-missing` saying what is there */
  chooseProvider(wanted: readonly string[]): string;
  /** Verifies the digests while reading, then makes a session. One predictor per thread, kept for the run. */
  load(assets: readonly Asset[], profile: Profile): Promise<Predictor>;
}

export interface InspectedModel {
  readonly signature: Signature;
  /** Engines that can run the model on a CPU, the fastest first. */
  readonly engines: readonly Engine[];
  readonly assets: readonly Asset[];
}

export interface Predictor {
  readonly signature: Signature;
  /**
   * One model call. Dimension 0 of every tensor is the batch. Inputs are not kept; outputs are valid until the next call.
   * @throws ModelError `model.predict-failed`; its message names no values of rows, since it is shown and kept
   */
  predict(inputs: Tensors): Promise<Tensors>;
  close(): Promise<void>;
}
