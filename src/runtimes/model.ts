/** Contract of model runtimes: load a pinned model, predict batches. One folder in `runtimes/` for each. */

import type { Signature, Tensors } from "../data/tensor.js";
import type { Asset } from "../job/plan.js";
import type { EngineName, Profile } from "../job/profile.js";

/** The engine that runs a model. Another version may return other numbers. */
export interface Engine {
  readonly name: EngineName;
  readonly version: string;
}

export interface ModelRuntime {
  /**
   * Reads a model without creating a session: its signature after clean-up (ZipMap removed), and all of its
   * files.
   */
  inspect(path: string, externalData: readonly string[]): Promise<InspectedModel>;
  /** Determines whether a provider works on this machine by running a small model on it. */
  tryProvider(provider: string): Promise<ProviderTrial>;
  /**
   * Returns the first provider of the list that works here. Called while a run is planned.
   * @throws ModelError `model.provider-missing` saying why none does; `model.provider-unknown`
   */
  chooseProvider(wanted: readonly string[]): Promise<ChosenProvider>;
  /** Loads the model as a run would, and releases it. @throws what {@link load} throws */
  tryLoad(assets: readonly Asset[], profile: Profile): Promise<LoadTrial>;
  /**
   * Verifies the digests while reading, then creates a session. One predictor per thread, kept for the run.
   * @throws ModelError `model.engine-mismatch`, `model.provider-mismatch` if the profile cannot be satisfied
   * here
   */
  load(assets: readonly Asset[], profile: Profile): Promise<Predictor>;
}

export interface InspectedModel {
  readonly signature: Signature;
  /** Engines that can run the model on a CPU, the fastest first. */
  readonly engines: readonly Engine[];
  /** Engines that would compute the model wrongly, and therefore never run it. */
  readonly refusals: readonly EngineRefusal[];
  readonly assets: readonly Asset[];
}

export interface EngineRefusal {
  readonly engine: EngineName;
  /** A clause: `ONNX Runtime 1.30.0 computes LinearRegressor wrongly: its post_transform is ignored`. */
  readonly reason: string;
  readonly hint: string;
}

export type ProviderTrial =
  | { readonly provider: string; readonly works: true }
  | ({ readonly works: false } & MissingProvider);

export interface MissingProvider {
  readonly provider: string;
  /** A clause: `no graphics adapter was found`. */
  readonly reason: string;
  /** What to do about it. */
  readonly hint: string;
}

export interface ChosenProvider {
  readonly provider: string;
  /** Preferred providers that do not work here. */
  readonly passedOver: readonly MissingProvider[];
}

export interface LoadTrial {
  /** Some operators have no implementation for the provider: the engine runs those on the CPU. */
  readonly partlyOnCpu: boolean;
}

export interface Predictor {
  readonly signature: Signature;
  /**
   * Makes one model call. Dimension 0 of every tensor is the batch. Inputs are not kept; outputs are valid
   * until the next call.
   * @param outputs the desired outputs; by default all of the signature. The others are not fetched
   * @throws ModelError `model.predict-failed`; its message contains no values of rows, since it is displayed
   * and stored
   */
  predict(inputs: Tensors, outputs?: readonly string[]): Promise<Tensors>;
  /** May be repeated. */
  close(): Promise<void>;
}
