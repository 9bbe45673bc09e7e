/** Model runtimes that note when a model is active, for the parent of this process: see `RegistryOptions.note`. */

import type { Asset } from "../job/plan.js";
import type { ModelRuntime, Predictor } from "../runtimes/model.js";

type Note = (line: string) => void;

/** Notes only loading: a partition's thread predicts too often to note each call. */
export function notingLoads(runtime: ModelRuntime, note: Note): ModelRuntime {
  return {
    ...runtime,
    tryLoad: (assets, profile) => during(assets, note, () => runtime.tryLoad(assets, profile)),
    load: (assets, profile) => during(assets, note, () => runtime.load(assets, profile)),
  };
}

/** Notes loading and predicting. */
export function notingModels(runtime: ModelRuntime, note: Note): ModelRuntime {
  const noting = notingLoads(runtime, note);
  return {
    ...noting,
    async load(assets, profile): Promise<Predictor> {
      const predictor = await noting.load(assets, profile);
      return {
        ...predictor,
        predict: (inputs, outputs) =>
          during(assets, note, () => predictor.predict(inputs, outputs), "predict"),
      };
    },
  };
}

async function during<T>(
  assets: readonly Asset[],
  note: Note,
  work: () => Promise<T>,
  mark: "model" | "predict" = "model",
): Promise<T> {
  const path = assets.find(({ role }) => role === "model")?.path ?? "";
  note(`+${mark} ${path}`);
  try {
    return await work();
  } finally {
    note(`-${mark} ${path}`);
  }
}
